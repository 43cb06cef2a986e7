import type { ScriptArguments } from '../lua/scripts.ts';
import type { PackedReply } from './packed-reply.ts';

/** Tag of the key that lists the live nodes. A deployment has one such key. */
export const NODES_TAG = 0;

/**
 * Builds a call of the nodes script: the node is alive for another `lifeMs`. The key is never that of a subject
 * (counter-key.ts), because a subject has at least two parts.
 */
export function buildAnnouncement(prefix: string, node: string, lifeMs: number): ScriptArguments {
  return { keys: [`${prefix}:1:{${NODES_TAG}}:nodes`], args: [node, lifeMs * 1000] };
}

/** Reads the number of live nodes from the reply of the nodes script. */
export function parseNodeCount(reply: PackedReply): number {
  const count = reply.readInt48();
  reply.assertFullyRead();
  return count;
}
