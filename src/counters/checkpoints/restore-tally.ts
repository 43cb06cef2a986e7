/** Counts what was restored since the start of the process. */
export class RestoreTally {
  restoredCounters = 0;
  /** Decisions that were not made because their counters were being restored. */
  heldDecisions = 0;
}
