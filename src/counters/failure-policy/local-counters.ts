import type { Charge } from '../../decide/ports.ts';
import { windowMicrosOf } from '../../domain/counting/counter-spec.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import type { MemoryStore } from '../memory/memory-store.ts';
import { capacity, type KnownCounter } from './known-counter.ts';
import { shareLimit } from './limit-share.ts';
import { LocalCount, type OwedHits } from './local-count.ts';
import { endsWithWindow } from './owed-parts.ts';

export interface LocalCountersOptions {
  readonly memory: MemoryStore;
  /** Returns the number of nodes that share the limits, this one included; at least 1. */
  readonly liveNodes: () => number;
  /** Returns whether this node may grant its share. If not, it grants nothing. */
  readonly takesShare: () => boolean;
  /** The clock of `memory`: µs since 1970. */
  readonly now: () => number;
}

/**
 * The counters of this node alone. Each begins with the hits of the last answer about it (the base), scaled to this node's
 * share, and adds what the node grants, which it owes the shared counters.
 */
export class LocalCounters {
  readonly #memory: MemoryStore;
  readonly #liveNodes: () => number;
  readonly #takesShare: () => boolean;
  readonly #now: () => number;

  constructor({ memory, liveNodes, takesShare, now }: LocalCountersOptions) {
    this.#memory = memory;
    this.#liveNodes = liveNodes;
    this.#takesShare = takesShare;
    this.#now = now;
  }

  /** Returns the charge on this node's share, and lets its counter continue from the last answer. */
  prepare(counter: KnownCounter, charge: Charge): Charge {
    const nodes = this.#liveNodes();
    counter.localCount ??= new LocalCount(nodes);
    const { localCount } = counter;
    if (localCount.basedOn !== counter.answeredAt || nodes > localCount.nodes) this.#rebase(counter, localCount, nodes);
    const reservedHits = this.#takesShare()
      ? counter.inFlight + localCount.pendingHits(this.#now())
      : Number.POSITIVE_INFINITY;
    return { ...charge, limit: this.#share(counter), storeHandle: undefined, reservedHits };
  }

  /**
   * Removes the hits that the node owes from its counter, which keeps the rest of its base. Returns those that still count,
   * for each late charge.
   */
  takeOwed(counter: KnownCounter): readonly OwedHits[] {
    const { localCount } = counter;
    if (localCount === undefined || localCount.owed.length === 0) return [];
    this.#updateOwed(counter, localCount);
    const { owed } = localCount;
    localCount.owed = [];
    this.#setBase(counter, localCount, this.#baseHits(counter, localCount), localCount.baseEnd);
    return owed;
  }

  /** Leaves only those hits owed that still count. Returns how many they are. */
  #updateOwed(counter: KnownCounter, localCount: LocalCount): number {
    if (localCount.owed.length === 0) return 0;
    if (endsWithWindow(counter.limit)) localCount.dropEnded(this.#now());
    const counted = this.#memory.countedHits(this.#chargeOf(counter, 0));
    localCount.limitOwed(Math.max(0, counted - this.#baseHits(counter, localCount)));
    return localCount.owedHits;
  }

  /** Lets the counter continue from the last answer on the share of one of `nodes`, and counts what it owes on top. */
  #rebase(counter: KnownCounter, localCount: LocalCount, nodes: number): void {
    const owedHits = this.#updateOwed(counter, localCount);
    localCount.nodes = nodes;
    this.#setBase(counter, localCount, this.#takenOfShare(counter, this.#now()), counter.freeAt);
    localCount.basedOn = counter.answeredAt;
    if (owedHits === 0) return;
    this.#memory.decide([{ charges: [{ ...this.#chargeOf(counter, owedHits), isSettlement: true }] }]);
  }

  #setBase(counter: KnownCounter, localCount: LocalCount, hits: number, end: number): void {
    localCount.baseHits = hits;
    localCount.basedAt = this.#now();
    localCount.baseEnd = this.#memory.replaceHits(this.#chargeOf(counter, hits), end);
  }

  /**
   * Returns the hits that count on this node's share, so that exactly the node's part of what is left is free: an equal
   * part, after what the others are expected to have taken since. Of a limit that is leased, only slices are granted while
   * others may hold some.
   */
  #takenOfShare(counter: KnownCounter, now: number): number {
    const nodes = this.#nodes(counter);
    const { limit } = counter;
    const taken = counter.takenAt(now);
    if (nodes <= 1 || !counter.isKnownAt(now)) return taken;
    const share = capacity(this.#share(counter));
    if (limit.algorithm === 'sliding_window' && limit.lease === true) return share;
    const remaining = capacity(limit) - taken - counter.estimateOthers(now);
    return Math.max(0, share - Math.floor(remaining / nodes));
  }

  /** Hits of the base that still count. */
  #baseHits(counter: KnownCounter, { baseHits, basedAt, baseEnd }: LocalCount): number {
    const now = this.#now();
    const { limit } = counter;
    if (limit.algorithm !== 'token_bucket') return baseEnd > now ? baseHits : 0;
    const { requests } = this.#share(counter);
    const refilled = ((now - basedAt) * requests) / windowMicrosOf(limit);
    return Math.max(0, baseHits - Math.floor(refilled));
  }

  #chargeOf(counter: KnownCounter, hits: number): Charge {
    return { subject: counter.subject, limit: this.#share(counter), hits };
  }

  #share(counter: KnownCounter): CountedLimit {
    return shareLimit(counter.limit, this.#nodes(counter));
  }

  /**
   * A node that is counted no longer may have granted its share. So the share of the others does not grow before the next
   * answer, which knows what was charged late.
   */
  #nodes({ localCount }: KnownCounter): number {
    return localCount?.nodes ?? this.#liveNodes();
  }
}
