import { addCounts } from '../domain/usage/usage-row.ts';
import type { UsageCell } from './usage-tally.ts';

/** Usage of one hour. */
export interface HourlyUsage extends UsageCell {
  /** Start of the hour, as Unix time in seconds. */
  readonly hour: number;
}

/** Rows that are written together, once: Postgres remembers the last sequence of each node. */
export interface UsageFlush {
  /** Identifies the process that counted. */
  readonly node: string;
  /** Counts the flushes of the node, from 1. */
  readonly sequence: number;
  readonly rows: readonly HourlyUsage[];
}

interface PendingFlush extends UsageFlush {
  readonly rows: HourlyUsage[];
  /** Whether it can still change. */
  isOpen: boolean;
}

/** Bounds the rows that one statement locks, and the time for which encoding them holds up decisions: about 2 ms. */
const MAX_ROWS_PER_FLUSH = 2_000;
/** Rows that are kept while Postgres is away. Each takes about 250 bytes. */
const MAX_PENDING_ROWS = 400_000;

/**
 * Usage that is not known to be written. Rows of one hour and the same dimensions are added up until their flush is
 * attempted. From then on a flush never changes: Postgres may have written it, although the answer was lost.
 */
export class PendingUsage {
  readonly #node: string;
  #sequence = 0;
  /** In the order of their sequences for each node. Those of the previous process come first. */
  readonly #flushes: PendingFlush[] = [];
  /** The rows that can still change, by hour and dimensions. */
  readonly #open = new Map<string, HourlyUsage>();
  #size = 0;
  #dropped = 0;

  /** `node` must be unique among all processes. */
  constructor(node: string) {
    this.#node = node;
  }

  /** The number of rows. */
  get size(): number {
    return this.#size;
  }

  /** Requests that were dropped, because too many rows were waiting or Postgres refused them. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The flushes to keep while this process does not run. */
  get flushes(): readonly UsageFlush[] {
    return this.#flushes;
  }

  /** Adds the flushes that a process which has ended could not write. Call it before anything else. */
  restore(flushes: readonly UsageFlush[]): void {
    for (const { node, sequence, rows } of flushes) {
      this.#flushes.push({ node, sequence, rows: [...rows], isOpen: false });
      this.#size += rows.length;
    }
  }

  /** Adds usage of an hour. `hour` is its start, as Unix time in seconds. */
  add(hour: number, cells: Iterable<UsageCell>): void {
    for (const cell of cells) this.#addCell(hour, cell);
  }

  /** The flush to write next; undefined: there is none. It must be written before the next one is asked for. */
  next(): UsageFlush | undefined {
    const [flush] = this.#flushes;
    if (flush?.isOpen === true) {
      flush.isOpen = false;
      for (const row of flush.rows) this.#open.delete(nameRow(row));
    }
    return flush;
  }

  /** Removes the flush that `next` has returned. */
  acknowledge(): void {
    this.#size -= this.#flushes.shift()?.rows.length ?? 0;
  }

  /** Drops the flush that `next` has returned. */
  discard(): void {
    for (const row of this.#flushes[0]?.rows ?? []) this.#dropped += countRequests(row);
    this.acknowledge();
  }

  #addCell(hour: number, cell: UsageCell): void {
    const { accountId, keyId, planId, route, allowed, rateLimited, quotaExceeded, denied, hits } = cell;
    const row = { hour, accountId, keyId, planId, route, allowed, rateLimited, quotaExceeded, denied, hits };
    const name = nameRow(row);
    const known = this.#open.get(name);
    if (known !== undefined) {
      addCounts(known, cell);
      return;
    }
    if (this.#size >= MAX_PENDING_ROWS) {
      this.#dropped += countRequests(cell);
      return;
    }
    this.#openFlush().rows.push(row);
    this.#open.set(name, row);
    this.#size++;
  }

  /** The flush that takes new rows. */
  #openFlush(): PendingFlush {
    const last = this.#flushes.at(-1);
    if (last?.isOpen === true && last.rows.length < MAX_ROWS_PER_FLUSH) return last;
    const flush = { node: this.#node, sequence: ++this.#sequence, rows: [], isOpen: true };
    this.#flushes.push(flush);
    return flush;
  }
}

/** Settlements without requests count as one. */
function countRequests({ allowed, rateLimited, quotaExceeded, denied }: UsageCell): number {
  return Math.max(1, allowed + rateLimited + quotaExceeded + denied);
}

function nameRow({ hour, accountId, keyId, planId, route }: HourlyUsage): string {
  return `${hour}\n${accountId}\n${keyId}\n${planId}\n${route}`;
}
