/** Hits that this node granted alone and that one late charge will charge. */
export interface OwedHits {
  /** Id of the late charge. */
  readonly id: string;
  /** Some of them may have ended. */
  hits: number;
  /** When the last of them stops counting: µs since 1970. */
  until: number;
}

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
  /** Hits that this node granted alone since the last late charges were drawn up, by ascending end. */
  owed: OwedHits[] = [];
  /** Late charges whose effect is not known yet, in the order in which they were drawn up. */
  pending: PendingCharge[] = [];
  /** Late charges that are on their way. */
  unanswered = 0;
  /** `extraParts` when it was added to the total of the node. */
  countedExtraParts = 0;

  constructor(nodes: number) {
    this.nodes = nodes;
  }

  /** Hits that the node owes and that no late charge has yet. Some of them may have ended. */
  get owedHits(): number {
    let hits = 0;
    for (const part of this.owed) hits += part.hits;
    return hits;
  }

  /** Late charges beyond the one or two that the counter would have if it owed only hits that end together. */
  get extraParts(): number {
    return Math.max(0, this.owed.length - 1) + Math.max(0, this.pending.length - 1);
  }

  /**
   * Leaves at most `hits` owed, and takes off those that end first: fewer hits are owed because some have ended, or were
   * refunded. For any time, at least as many hits as are left stay owed until then.
   */
  limitOwed(hits: number): void {
    let excess = this.owedHits - hits;
    for (const part of this.owed) {
      const removed = Math.max(0, Math.min(part.hits, excess));
      part.hits -= removed;
      excess -= removed;
    }
    this.owed = this.owed.filter((part) => part.hits > 0);
  }

  /** Forgets owed hits that have ended. */
  dropEnded(now: number): void {
    this.owed = this.owed.filter(({ until }) => until > now);
  }

  /** Takes refunded hits off those of their late charge, unless it was drawn up already. */
  removeOwed(id: string, hits: number): void {
    const part = this.owed.find((each) => each.id === id);
    if (part !== undefined) part.hits = Math.max(0, part.hits - hits);
  }

  /** Hits of the late charges whose effect is not known. */
  pendingHits(now: number): number {
    let hits = 0;
    for (const pending of this.pending) if (pending.until > now) hits += pending.hits;
    return hits;
  }
}
