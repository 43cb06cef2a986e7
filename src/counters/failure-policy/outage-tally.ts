import type { UnavailableReason } from '../../decide/ports.ts';

/** Counts what this node did without the shared store, since the start. */
export class OutageTally {
  /** Decisions that the shared store did not make in time, by reason. */
  readonly missed = new Map<UnavailableReason, number>();
  /** Calls of Redis whose reply was late, by the part in which they were late. */
  readonly lateReplies = new Map<string, number>();
  /** Decisions of this node alone that continued from answers of the shared store about all their counters. */
  decidedFromKnown = 0;
  /** Decisions of this node alone with a counter that it knew nothing about. */
  decidedFromUnknown = 0;
  /** Late charges that were sent, those that were sent again included. */
  lateChargesSent = 0;
  /** Hits that were charged late. */
  lateHits = 0;
  /** Counters that now owe hits. */
  owingCounters = 0;

  recordLateReply(part: string): void {
    this.lateReplies.set(part, (this.lateReplies.get(part) ?? 0) + 1);
  }

  recordMissed(reason: UnavailableReason): void {
    this.missed.set(reason, (this.missed.get(reason) ?? 0) + 1);
  }
}
