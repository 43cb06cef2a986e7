import type { CountedLimit } from '../../../domain/limits/limit.ts';
import { GrantHandle } from './grant-handle.ts';

/** Names a counter. */
export interface CounterName {
  readonly subject: string;
  readonly limit: CountedLimit;
  /** With a GrantHandle, the counter is found faster. */
  readonly storeHandle?: object | null | undefined;
}

/** Hits on one counter that a server acknowledged. */
export interface AcknowledgedHits extends CounterName {
  /** Below 0: refunded. */
  readonly hits: number;
  /** When they stop counting: Unix time in µs by the clock of the server. 0: nobody asked. */
  readonly hitEnd: number;
}

/** Few, because a cluster has 64 groups with pages of their own. */
const MIN_CAPACITY = 64;
const NONE = -1;
/** Counter, hits, end and sequence of a cell. */
const CELL_BYTES = 4 + 8 + 8 + 8;
/** Estimate: entry of the Map, references and links. The texts are those of the callers. */
const COUNTER_BYTES = 120;

let lastPageId = 0;

/**
 * Acknowledged hits of one group and a short time. Each cell is the sum of the hits on one counter with one end, of one
 * bucket of time. Everything is in packed arrays: a page leaves nothing but the entries of one Map to the garbage collector.
 */
export class GrantPage {
  /** When the page began, in ms. */
  readonly startedAt: number;
  readonly #id = ++lastPageId;
  /** By subject, its counter that was added last. */
  readonly #subjects = new Map<string, number>();
  /** By counter. */
  readonly #names: string[] = [];
  readonly #limits: CountedLimit[] = [];
  /** By counter: the next counter of the subject, and the counter's last cell. */
  readonly #nextCounters: number[] = [];
  readonly #lastCells: number[] = [];
  /** By cell. */
  #cellCounters: Uint32Array;
  #hits: Float64Array;
  #hitEnds: Float64Array;
  #sequences: Float64Array;
  #cellCount = 0;
  /** First cell of the current bucket. */
  #bucketStart = 0;

  /** Begins with room for half as many cells as `previous` has. */
  constructor(startedAt: number, previous?: GrantPage) {
    this.startedAt = startedAt;
    const capacity = Math.max(MIN_CAPACITY, (previous?.cellCount ?? 0) >> 1);
    this.#cellCounters = new Uint32Array(capacity);
    this.#hits = new Float64Array(capacity);
    this.#hitEnds = new Float64Array(capacity);
    this.#sequences = new Float64Array(capacity);
  }

  get cellCount(): number {
    return this.#cellCount;
  }

  get bytes(): number {
    return this.#hits.length * CELL_BYTES + this.#names.length * COUNTER_BYTES;
  }

  /** Begins another bucket of time: later hits get cells of their own. */
  beginBucket(): void {
    this.#bucketStart = this.#cellCount;
  }

  /**
   * Adds hits that a script with this sequence charged; below 0, that it refunded. Hits of one cell are lost together: as
   * soon as the newest charge is lost, or only when the oldest refund is. So what is lost is never underestimated.
   */
  add(name: CounterName, hits: number, hitEnd: number, sequence: number): void {
    const counter = this.#findCounter(name);
    const last = this.#lastCells[counter] ?? NONE;
    if (last >= this.#bucketStart && this.#hitEnds[last] === hitEnd) {
      const sum = this.#hits[last] ?? 0;
      if (sum > 0 === hits > 0) {
        this.#hits[last] = sum + hits;
        const known = this.#sequences[last] ?? 0;
        this.#sequences[last] = hits > 0 ? Math.max(known, sequence) : Math.min(known, sequence);
        return;
      }
    }
    const cell = this.#cellCount++;
    if (cell === this.#hits.length) this.#grow();
    this.#cellCounters[cell] = counter;
    this.#hits[cell] = hits;
    this.#hitEnds[cell] = hitEnd;
    this.#sequences[cell] = sequence;
    this.#lastCells[counter] = cell;
  }

  /** Removes the cells whose sequence `isLost`, and passes them to `take`. */
  takeLost(isLost: (sequence: number) => boolean, take: (hits: AcknowledgedHits) => void): void {
    for (let cell = 0; cell < this.#cellCount; cell++) {
      const counter = this.#cellCounters[cell] ?? 0;
      const hits = this.#hits[cell] ?? 0;
      if (hits === 0 || !isLost(this.#sequences[cell] ?? 0)) continue;
      this.#hits[cell] = 0;
      const subject = this.#names[counter];
      const limit = this.#limits[counter];
      if (subject !== undefined && limit !== undefined)
        take({ subject, limit, hits, hitEnd: this.#hitEnds[cell] ?? 0 });
    }
    this.beginBucket();
  }

  /** Forgets the hits of a counter. */
  forget({ subject, limit }: CounterName): void {
    for (let cell = 0; cell < this.#cellCount; cell++) {
      const counter = this.#cellCounters[cell] ?? 0;
      if (this.#names[counter] === subject && this.#limits[counter]?.identity === limit.identity) this.#hits[cell] = 0;
    }
  }

  #findCounter({ subject, limit, storeHandle }: CounterName): number {
    if (!(storeHandle instanceof GrantHandle)) return this.#searchCounter(subject, limit);
    const { grantPage, grantCounter } = storeHandle;
    const isFound =
      grantPage === this.#id && this.#limits[grantCounter] === limit && this.#names[grantCounter] === subject;
    if (isFound) return grantCounter;
    storeHandle.grantPage = this.#id;
    storeHandle.grantCounter = this.#searchCounter(subject, limit);
    return storeHandle.grantCounter;
  }

  #searchCounter(subject: string, limit: CountedLimit): number {
    const first = this.#subjects.get(subject) ?? NONE;
    for (let counter = first; counter !== NONE; counter = this.#nextCounters[counter] ?? NONE) {
      const known = this.#limits[counter];
      if (known === limit || known?.identity === limit.identity) return counter;
    }
    const counter = this.#names.length;
    this.#subjects.set(subject, counter);
    this.#names.push(subject);
    this.#limits.push(limit);
    this.#nextCounters.push(first);
    this.#lastCells.push(NONE);
    return counter;
  }

  #grow(): void {
    const capacity = 2 * this.#hits.length;
    this.#cellCounters = copyInto(new Uint32Array(capacity), this.#cellCounters);
    this.#hits = copyInto(new Float64Array(capacity), this.#hits);
    this.#hitEnds = copyInto(new Float64Array(capacity), this.#hitEnds);
    this.#sequences = copyInto(new Float64Array(capacity), this.#sequences);
  }
}

function copyInto<T extends Uint32Array | Float64Array>(target: T, source: T): T {
  target.set(source);
  return target;
}
