/** A late charge that was sent, or is to be sent again. */
export interface PendingCharge {
  readonly id: string;
  readonly hits: number;
  /** When the hits stop counting: µs since 1970. Infinity: not before they are charged. */
  readonly until: number;
  /** When it was sent last: µs since 1970; 0: never. */
  sentAt: number;
}

/** Hits of a counter that this node counts alone. Times are µs since 1970 on the clock of this process. */
export class LocalCount {
  /** Nodes among which the limit is shared: the most that were counted since that answer. */
  nodes: number;
  /** `answeredAt` of the answer that the local counter continues from; 0: it began empty. */
  basedOn = 0;
  /** Hits of that answer in the local counter, when it began. */
  baseHits = 0;
  /** When it began. */
  basedAt = 0;
  /** When they stop counting; a token bucket refills them instead. */
  baseEnd = 0;
  /** Hits that this node granted alone since the last late charge was drawn up. Some may have ended. */
  ownHits = 0;
  /** When the last of them ends. */
  ownUntil = 0;
  /** Id of the late charge that will charge them. undefined: there are none. */
  lateChargeId: string | undefined;
  /** Late charges whose effect is not known yet, in the order in which they were drawn up. */
  pending: PendingCharge[] = [];
  /** Late charges that are on their way. */
  unanswered = 0;

  constructor(nodes: number) {
    this.nodes = nodes;
  }

  /** Hits of the late charges whose effect is not known. */
  pendingHits(now: number): number {
    let hits = 0;
    for (const pending of this.pending) if (pending.until > now) hits += pending.hits;
    return hits;
  }
}
