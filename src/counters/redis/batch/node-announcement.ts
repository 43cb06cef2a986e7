import type { ScriptArguments } from '../lua/scripts.ts';
import type { PackedReply } from './packed-reply.ts';

/** Tag of the key that lists the live nodes. A deployment has one such key. */
export const NODES_TAG = 0;

/** Reply to an announcement. Times are µs on the clock of the server. */
export interface NodeCount {
  /** Number of live nodes, with this one if it is announced. */
  readonly nodes: number;
  /** When this node stops counting as alive; 0: it is not announced. */
  readonly announcedUntil: number;
  /** The same for the node whose announcement is the oldest; 0: there are none. */
  readonly oldestUntil: number;
  /** For how long the server has counted nodes without a gap, in µs. After a loss of its data it starts at 0. */
  readonly countedForMicros: number;
}

/**
 * Builds a call of the nodes script: the node is alive for another `lifeMs`; with 0, it is no longer announced, and the call
 * only counts. The keys are never those of a subject
 * (counter-key.ts), because a subject has at least two parts.
 */
export function buildAnnouncement(prefix: string, node: string, lifeMs: number): ScriptArguments {
  const key = `${prefix}:1:{${NODES_TAG}}:nodes`;
  return { keys: [key, `${key}-since`], args: [node, lifeMs * 1000] };
}

/** Reads the reply of the nodes script. */
export function parseNodeCount(reply: PackedReply): NodeCount {
  const count = {
    nodes: reply.readInt48(),
    announcedUntil: reply.readUint56(),
    oldestUntil: reply.readUint56(),
    countedForMicros: reply.readUint56(),
  };
  reply.assertFullyRead();
  return count;
}
