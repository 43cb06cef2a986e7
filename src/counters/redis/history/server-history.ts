/** Sequences of an epoch: a sequence is epoch × 2^40 + number of the script within the epoch (lua/history.lua). */
const EPOCH_SIZE = 2 ** 40;

/** Why an epoch began: the counters were gone (`empty`), or the server had a prefix of the history (`shorter`). */
export type LossKind = 'empty' | 'shorter';

/** Answer of a server about the history of a tag. Times are Unix times in µs by its clock. */
export interface ServerHistory {
  readonly timeMicros: number;
  /** At least 1. */
  readonly sequence: number;
  /** When the current epoch began. */
  readonly startedAt: number;
  readonly kind: LossKind;
  /** Number of nodes that have charged again what was lost when the current epoch began. */
  readonly repairedNodes: number;
  /** For each earlier epoch that the server still has, its last sequence. */
  readonly epochEnds: readonly number[];
}

/** Returns the epoch of a sequence: 1 to 8191; 0 for the sequence 0. */
export function epochOf(sequence: number): number {
  return Math.floor(sequence / EPOCH_SIZE);
}

/** Whether the server has executed the script that got this sequence. */
export function hasExecuted({ sequence: current, epochEnds }: ServerHistory, sequence: number): boolean {
  const epoch = epochOf(sequence);
  if (epoch === epochOf(current)) return sequence <= current;
  return epochEnds.some((end) => epochOf(end) === epoch && sequence <= end);
}
