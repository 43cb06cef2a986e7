import type { LossKind } from '../history/server-history.ts';

/** Counts what this node did about lost counters, since the start. */
export class RepairTally {
  /** Histories of groups that were found to be lost, by kind. */
  readonly losses: Record<LossKind, number> = { empty: 0, shorter: 0 };
  /** Hits that were charged again. */
  hits = 0;
}
