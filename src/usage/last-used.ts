import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyRecord } from '../decide/ports.ts';
import type { Logger } from '../interfaces/logger.ts';
import type { Query } from '../interfaces/query.ts';

export interface LastUsedOptions {
  readonly query: Query;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

const MINUTE_MS = 60_000;
/** Nodes share the minutes of the clock. A random delay of up to this keeps them from writing all at once. */
const MAX_WRITE_DELAY_MS = 5_000;
/** Keys that are held for writing, while Postgres is away or many are used in a minute. Each takes about 100 bytes. */
const MAX_PENDING_KEYS = 500_000;
/** Bounds the rows that one statement locks. */
const MAX_KEYS_PER_STATEMENT = 10_000;
const STOP_TIMEOUT_MS = 5_000;

/**
 * Records when keys were last used, to the minute. The times are written once a minute, and when the node stops. Times
 * that could not be written are kept and written later. Neither the change feed nor the version of a key notices: no
 * trigger lists the column, and the statement changes no other.
 */
export class LastUsed {
  readonly #options: LastUsedOptions;
  /** The current minute, counted since 1970. */
  #minute: number;
  /** Ids of the keys that were used in the current minute. */
  #usedKeys = new Set<string>();
  /** By id of the key: the minute that is still to be written. */
  readonly #pending = new Map<string, number>();
  #isFailing = false;

  /** `now` is Unix time in ms. */
  constructor(options: LastUsedOptions, now: number) {
    this.#options = options;
    this.#minute = toMinute(now);
  }

  /**
   * Notes that a key is used in the current minute. Called for every decision that admits a key; the record remembers
   * the minute, so that all calls but the first of a minute are cheap.
   */
  note(key: KeyRecord): void {
    if (key.notedInMinute === this.#minute) return;
    key.notedInMinute = this.#minute;
    if (this.#usedKeys.size < MAX_PENDING_KEYS) this.#usedKeys.add(key.id);
  }

  /** Ends the current minute: its keys are pending. The next minute is that of `now`, Unix time in ms. */
  startMinute(now: number): void {
    let dropped = 0;
    for (const id of this.#usedKeys) {
      if (this.#pending.size < MAX_PENDING_KEYS || this.#pending.has(id)) this.#pending.set(id, this.#minute);
      else dropped++;
    }
    if (dropped > 0) {
      this.#options.log.warn({ keys: dropped }, 'too many API keys were used; dropped the last-used times of some');
    }
    this.#usedKeys = new Set();
    this.#minute = toMinute(now);
  }

  /** Writes the pending minutes. Never rejects: on failure they stay pending. Calls must not overlap. */
  async flush(): Promise<void> {
    const { query, log } = this.#options;
    try {
      for (let batch = this.#nextBatch(); batch.length > 0; batch = this.#nextBatch()) {
        await query(UPDATE_LAST_USED, [JSON.stringify(Object.fromEntries(batch))]);
        for (const [id] of batch) this.#pending.delete(id);
      }
      if (this.#isFailing) log.info({}, 'writing last-used times of API keys recovered');
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) {
        log.warn({ err: error }, 'writing last-used times of API keys failed; keeping them for the next attempt');
      }
      this.#isFailing = true;
    }
  }

  #nextBatch(): readonly (readonly [id: string, minute: number])[] {
    const batch: [string, number][] = [];
    for (const entry of this.#pending) {
      if (batch.push(entry) === MAX_KEYS_PER_STATEMENT) break;
    }
    return batch;
  }
}

/**
 * Takes a JSON object of minutes by key id. Rows are locked in the order of their ids, so that nodes which write the
 * same keys wait for each other instead of deadlocking. The second node finds nothing left to do.
 */
const UPDATE_LAST_USED = `
  update api_key set last_used_time = used.time
  from (
    select id, time
    from (select key as id, to_timestamp(value::bigint * 60) as time from json_each_text(?::json)) noted
    join api_key using (id)
    where last_used_time is null or last_used_time < time
    order by id for no key update of api_key
  ) used
  where api_key.id = used.id`;

/** Starts to write shortly after the end of each minute. `stop` ends that and writes once more. */
export function startLastUsed(options: LastUsedOptions): LastUsed & { stop(): Promise<void> } {
  const lastUsed = new LastUsed(options, Date.now());
  const stopping = new AbortController();
  const writing = writeEachMinute(lastUsed, stopping.signal);
  const stop = async () => {
    stopping.abort();
    const lastFlush = writing.then(() => {
      lastUsed.startMinute(Date.now());
      return lastUsed.flush();
    });
    // Postgres may be away. A process that stops must not wait for it.
    await Promise.race([lastFlush, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
  };
  return Object.assign(lastUsed, { stop });
}

async function writeEachMinute(lastUsed: LastUsed, signal: AbortSignal): Promise<void> {
  for (;;) {
    await pause(MINUTE_MS - (Date.now() % MINUTE_MS), signal);
    lastUsed.startMinute(Date.now());
    await pause(Math.random() * MAX_WRITE_DELAY_MS, signal);
    if (signal.aborted) return;
    await lastUsed.flush();
  }
}

/** Resolves after `ms`, or as soon as the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => {}); // aborting is how the loop ends, and no failure
}

function toMinute(unixMs: number): number {
  return Math.floor(unixMs / MINUTE_MS);
}
