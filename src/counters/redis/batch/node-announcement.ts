import type { PackedReply } from './packed-reply.ts';
import type { ScriptArguments } from './script-arguments.ts';

/** Tag of the key that lists the live nodes: one for the whole deployment. */
export const NODES_TAG = 0;

/**
 * Arguments of the nodes script: `node` is alive for another `lifeMs`. No subject has the same key (counter-key.ts), as a
 * subject has at least two parts.
 */
export function buildAnnouncement(prefix: string, node: string, lifeMs: number): ScriptArguments {
  return { keys: [`${prefix}:1:{${NODES_TAG}}:nodes`], args: [node, lifeMs * 1000] };
}

/** Number of live nodes in the script's reply. */
export function parseNodeCount(reply: PackedReply): number {
  return reply.readInt48();
}
