import { type AcknowledgedHits, type CounterName, GrantPage } from './grant-page.ts';

export interface GrantHistoryOptions {
  /** How long hits are kept, in ms. 0: not at all. */
  readonly coveredMs: number;
  /** Bound of the memory, about. Beyond it the oldest hits go first. */
  readonly maxBytes: number;
}

/** Hits of one group. */
interface GroupHistory {
  /** Oldest first. The last one is being filled. */
  readonly pages: GrantPage[];
  bucketEnd: number;
  lastAddedAt: number;
}

/** Hits of one counter in one bucket are summed. */
const BUCKET_MS = 100;
/** Pages go as a whole. So this part of the time is kept in addition, at most. */
const PAGE_PART = 1 / 4;
/**
 * Hits are kept for this long after the last one of their group, because a failover may take longer than the covered time:
 * Redis Cluster waits 15 s and Sentinels wait 30 s by default before they begin.
 */
export const MAX_FAILOVER_MS = 60_000;

/**
 * The hits that servers acknowledged in the last seconds before they fell silent. Each group has a history of its own,
 * because the server of one group may be away while others answer. All times are in ms on one monotonic clock.
 */
export class GrantHistory {
  readonly #options: GrantHistoryOptions;
  /** By group. */
  readonly #groups: (GroupHistory | undefined)[] = [];
  #groupCount = 0;
  /** Until when the memory was checked. */
  #checkedUntil = 0;
  /** Since when all hits are kept. */
  #completeSince = Number.NEGATIVE_INFINITY;

  constructor(options: GrantHistoryOptions) {
    this.#options = options;
  }

  /** Adds hits that a script with this sequence charged; below 0, that it refunded (see AcknowledgedHits). */
  add(group: number, counter: CounterName, hits: number, hitEnd: number, sequence: number, now: number): void {
    if (hits !== 0 && this.#options.coveredMs > 0) this.#pageAt(group, now).add(counter, hits, hitEnd, sequence);
  }

  /** Removes the hits of a group whose sequence `isLost`, and returns them, summed by counter and end. */
  takeLost(group: number, isLost: (sequence: number) => boolean, now: number): readonly AcknowledgedHits[] {
    const history = this.#groups[group];
    if (history === undefined) return [];
    this.#dropOld(history, now - history.lastAddedAt > MAX_FAILOVER_MS ? now : history.lastAddedAt);
    const sums = new Map<string, AcknowledgedHits>();
    for (const page of history.pages) {
      page.takeLost(isLost, (lost) => {
        const name = `${lost.hitEnd} ${lost.limit.identity} ${lost.subject}`;
        const hits = lost.hits + (sums.get(name)?.hits ?? 0);
        sums.set(name, { ...lost, hits });
      });
    }
    return [...sums.values()].filter(({ hits }) => hits !== 0);
  }

  /** Forgets the hits of a counter, because it was reset. */
  forget(counter: CounterName): void {
    for (const history of this.#groups) for (const page of history?.pages ?? []) page.forget(counter);
  }

  /** Seconds before `now` for which all hits are kept. Below the configured time if there was no room for more. */
  coveredSeconds(now: number): number {
    return Math.min(this.#options.coveredMs, now - this.#completeSince) / 1000;
  }

  get bytes(): number {
    let bytes = 0;
    for (const history of this.#groups) for (const page of history?.pages ?? []) bytes += page.bytes;
    return bytes;
  }

  /** Returns the page for hits of a group at `now`. */
  #pageAt(group: number, now: number): GrantPage {
    const history = this.#groups[group] ?? this.#addGroup(group);
    const last = history.pages.at(-1);
    const page = last !== undefined && now < history.bucketEnd ? last : this.#beginBucket(history, now);
    history.lastAddedAt = now;
    return page;
  }

  #beginBucket(history: GroupHistory, now: number): GrantPage {
    history.bucketEnd = now + BUCKET_MS;
    this.#dropOld(history, now);
    this.#dropBeyondRoom(now);
    const last = history.pages.at(-1);
    const page = last === undefined || this.#isFull(last, now) ? new GrantPage(now, last) : last;
    if (page !== last) history.pages.push(page);
    page.beginBucket();
    return page;
  }

  #addGroup(group: number): GroupHistory {
    const history = { pages: [], bucketEnd: 0, lastAddedAt: 0 };
    this.#groups[group] = history;
    this.#groupCount++;
    return history;
  }

  /** Whether the next hits need another page, so that pages are small parts of the time and of the room. */
  #isFull({ startedAt, bytes }: GrantPage, now: number): boolean {
    const { coveredMs, maxBytes } = this.#options;
    return now >= startedAt + coveredMs * PAGE_PART || bytes > maxBytes * Math.min(PAGE_PART, 2 / this.#groupCount);
  }

  /** Drops the pages of a group whose time has passed at `now`. */
  #dropOld({ pages, lastAddedAt }: GroupHistory, now: number): void {
    const isOver = (end: number) => now - end >= this.#options.coveredMs;
    while (pages[0] !== undefined && isOver(pages[1]?.startedAt ?? lastAddedAt)) pages.shift();
  }

  /** Drops the oldest pages of all groups while they take too much room. */
  #dropBeyondRoom(now: number): void {
    if (now < this.#checkedUntil) return;
    this.#checkedUntil = now + BUCKET_MS;
    for (let bytes = this.bytes; bytes > this.#options.maxBytes; ) {
      const oldest = this.#findOldest();
      const dropped = oldest?.pages.shift();
      if (oldest === undefined || dropped === undefined) return;
      bytes -= dropped.bytes;
      this.#completeSince = Math.max(this.#completeSince, oldest.pages[0]?.startedAt ?? oldest.lastAddedAt);
    }
  }

  /** Returns the group with the oldest page. */
  #findOldest(): GroupHistory | undefined {
    let oldest: GroupHistory | undefined;
    for (const history of this.#groups) {
      const startedAt = history?.pages[0]?.startedAt;
      if (startedAt !== undefined && startedAt < (oldest?.pages[0]?.startedAt ?? Number.POSITIVE_INFINITY))
        oldest = history;
    }
    return oldest;
  }
}
