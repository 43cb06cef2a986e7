import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyRecord } from '../decide/ports.ts';
import type { Logger } from '../interfaces/logger.ts';
import type { Query } from '../interfaces/query.ts';

export interface LastUsedOptions {
  readonly query: Query;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

const MINUTE_MS = 60_000;
/** Nodes share the clock's minutes; they need not all write at once. */
const LATEST_MS = 5_000;
/** Keys that are kept to be written, at about 100 bytes each, while Postgres is away or more are used in a minute. */
const MOST_KEPT = 500_000;
/** Rows that one statement locks. */
const BATCH = 10_000;
const STOP_TIMEOUT_MS = 5_000;

/**
 * Notes when keys were used last, to the minute, and writes it once a minute, and when it is stopped. What could not be
 * written is kept, and written later. Neither the change feed nor a key's version notice: no trigger lists the column,
 * and the statement names no other.
 */
export class LastUsed {
  readonly #options: LastUsedOptions;
  /** Minutes since 1970: what is noted now was used in it. */
  #minute: number;
  /** Ids of the keys used in this minute. */
  #used = new Set<string>();
  /** By the id of a key, the minute that is still to be written. */
  readonly #kept = new Map<string, number>();
  #isFailing = false;

  /** `now` is Unix time in ms. */
  constructor(options: LastUsedOptions, now: number) {
    this.#options = options;
    this.#minute = minuteOf(now);
  }

  /** Called at every decision that lets a key in: the record remembers that it was noted, so that once a minute it costs more. */
  note(key: KeyRecord): void {
    if (key.notedInMinute === this.#minute) return;
    key.notedInMinute = this.#minute;
    if (this.#used.size < MOST_KEPT) this.#used.add(key.id);
  }

  /** What was noted until now is to be written; what is noted from now on was used in the minute of `now`, Unix time in ms. */
  turn(now: number): void {
    let lost = 0;
    for (const id of this.#used) {
      if (this.#kept.size < MOST_KEPT || this.#kept.has(id)) this.#kept.set(id, this.#minute);
      else lost++;
    }
    if (lost > 0) this.#options.log.warn({ keys: lost }, 'more API keys were used than can be noted');
    this.#used = new Set();
    this.#minute = minuteOf(now);
  }

  /** Writes what is to be written. Never rejects: what could not be written still is. Not to be called while it runs. */
  async write(): Promise<void> {
    try {
      for (let batch = this.#nextBatch(); batch.length > 0; batch = this.#nextBatch()) {
        await this.#options.query(WRITE, [JSON.stringify(Object.fromEntries(batch))]);
        for (const [id] of batch) this.#kept.delete(id);
      }
      if (this.#isFailing) this.#options.log.info({}, 'when API keys were used last is written again');
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing)
        this.#options.log.warn({ err: error }, 'when API keys were used last cannot be written; it is kept');
      this.#isFailing = true;
    }
  }

  #nextBatch(): readonly (readonly [string, number])[] {
    const batch: [string, number][] = [];
    for (const entry of this.#kept) {
      if (batch.push(entry) === BATCH) break;
    }
    return batch;
  }
}

/**
 * Rows are locked in the order of their ids, so that nodes which write the same keys wait for each other and do not
 * deadlock; who comes second finds nothing left to do.
 */
const WRITE = `
  update api_key set last_used_time = used.time
  from (
    select id, time
    from (select key as id, to_timestamp(value::bigint * 60) as time from json_each_text(?::json)) noted
    join api_key using (id)
    where last_used_time is null or last_used_time < time
    order by id for no key update of api_key
  ) used
  where api_key.id = used.id`;

/** Writes shortly after the end of each minute, until it is stopped, and then once more. */
export function startLastUsed(options: LastUsedOptions): LastUsed & { stop(): Promise<void> } {
  const lastUsed = new LastUsed(options, Date.now());
  const stopping = new AbortController();
  const writing = writeByTheMinute(lastUsed, stopping.signal);
  const stop = async () => {
    stopping.abort();
    const last = writing.then(() => {
      lastUsed.turn(Date.now());
      return lastUsed.write();
    });
    // Postgres may be away, and a process that ends must end.
    await Promise.race([last, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
  };
  return Object.assign(lastUsed, { stop });
}

async function writeByTheMinute(lastUsed: LastUsed, signal: AbortSignal): Promise<void> {
  for (;;) {
    await pause(MINUTE_MS - (Date.now() % MINUTE_MS), signal);
    lastUsed.turn(Date.now());
    await pause(Math.random() * LATEST_MS, signal);
    if (signal.aborted) return;
    await lastUsed.write();
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => {}); // an abort is no fault: it is what the loop ends by
}

function minuteOf(now: number): number {
  return Math.floor(now / MINUTE_MS);
}
