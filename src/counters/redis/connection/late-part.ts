/**
 * The part of a call in which it was late. `node`: this process had no processor, or was busy, when the deadline passed.
 * `request`: until the server executed the call, or found that it is too late. `reply`: after that.
 */
export type LatePart = 'node' | 'request' | 'reply';

/** Called when the reply of a call comes after its deadline, or says that the call came too late. */
export type LateReplyListener = (part: LatePart) => void;

/** A process that notices a deadline later than this could not have read a reply in time. */
const BUSY_NODE_MS = 5;

export interface LateCall {
  /** How long after the deadline this process noticed that it has passed, in ms. */
  readonly noticedAfterMs: number;
  /** ms on the clock of performance.now(), as is `executedAt`. */
  readonly expiresAt: number;
  /** When the server executed the call, or rejected it as too late. */
  readonly executedAt: number;
}

/** Returns the part of a call in which it was late. */
export function findLatePart({ noticedAfterMs, expiresAt, executedAt }: LateCall): LatePart {
  if (noticedAfterMs > BUSY_NODE_MS) return 'node';
  return executedAt >= expiresAt ? 'request' : 'reply';
}
