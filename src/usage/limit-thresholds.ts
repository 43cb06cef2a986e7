import { setTimeout as sleep } from 'node:timers/promises';
import { parseSubject } from '../domain/counting/counter-subject.ts';
import { advertisedQuota } from '../domain/limits/limit-status.ts';
import type { ThresholdCrossing } from '../domain/limits/limit-threshold.ts';
import type { Logger } from '../interfaces/logger.ts';
import type { Query } from '../interfaces/query.ts';

export interface LimitThresholdsOptions {
  readonly query: Query;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** The fate of a noticed share: this node was the first to write it, it was known, or there was no room for it. */
export type ThresholdResult = 'written' | 'known' | 'dropped';

const INTERVAL_MS = 1_000;
/** Shares that wait for Postgres. Each takes about 300 bytes. */
const MAX_WAITING = 10_000;
/** Bounds the rows that one statement locks. */
const MAX_PER_STATEMENT = 500;
const STOP_TIMEOUT_MS = 5_000;

/**
 * Writes which shares of limits were reached (`notify_at`), outside of decisions. All nodes report the same ones; Postgres
 * keeps the first. What cannot be written is kept and written later.
 */
export class LimitThresholds {
  readonly #options: LimitThresholdsOptions;
  readonly #results = new Map<ThresholdResult, number>();
  #waiting: ThresholdCrossing[] = [];
  #isFailing = false;

  constructor(options: LimitThresholdsOptions) {
    this.#options = options;
  }

  /** Noticed shares, by what became of them. */
  get results(): ReadonlyMap<ThresholdResult, number> {
    return this.#results;
  }

  /** Notes a share to write. Called while a batch is decided, so it only remembers. */
  note(crossing: ThresholdCrossing): void {
    if (this.#waiting.length < MAX_WAITING) this.#waiting.push(crossing);
    else this.#count('dropped', 1);
  }

  /** Writes what waits. Never rejects: on failure it waits on. Calls must not overlap. */
  async flush(): Promise<void> {
    const { query, log } = this.#options;
    try {
      while (this.#waiting.length > 0) {
        const batch = takeBatch(this.#waiting);
        const written = await query(WRITE_THRESHOLDS, [JSON.stringify(batch.map(toRow))]);
        this.#waiting = this.#waiting.slice(batch.length);
        this.#count('written', written.length);
        this.#count('known', batch.length - written.length);
      }
      if (this.#isFailing) log.info({}, 'writing reached shares of limits recovered');
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) log.warn({ err: error }, 'writing reached shares of limits failed; keeping them');
      this.#isFailing = true;
    }
  }

  #count(result: ThresholdResult, count: number): void {
    this.#results.set(result, (this.#results.get(result) ?? 0) + count);
  }
}

/** The first crossings, up to one that a former one is about as well: a statement can write a row only once. */
function takeBatch(waiting: readonly ThresholdCrossing[]): readonly ThresholdCrossing[] {
  const keys = new Set<string>();
  for (const { subject, limit, threshold, periodEnd } of waiting.slice(0, MAX_PER_STATEMENT)) {
    const key = JSON.stringify([subject, limit.identity, threshold, periodEnd]);
    if (keys.has(key)) break;
    keys.add(key);
  }
  return waiting.slice(0, keys.size);
}

function toRow({ subject, limit, threshold, used, periodEnd, crossedAt, lowAt }: ThresholdCrossing) {
  const { requests } = advertisedQuota(limit);
  const row = {
    subject,
    counter: limit.identity,
    threshold,
    used,
    requests,
    periodEnd: periodEnd ?? 0,
    crossedAt,
    lowAt,
  };
  const owner = parseSubject(subject);
  return owner.kind === 'rule'
    ? { ...row, name: limit.name, kind: 'rule', owner: owner.domain, entries: owner.entries }
    : { ...row, name: limit.name, kind: owner.kind, owner: owner.id };
}

/**
 * Takes a JSON array of rows. Without periods, a share is reached again only if the usage was low after it was reached the
 * last time: another node may have written that already. Rows are written in the order of their keys, so that nodes wait
 * for each other instead of deadlocking. Publishes an event for each row that is new, and returns these rows.
 */
const WRITE_THRESHOLDS = `
  with seen as materialized (
    select * from jsonb_to_recordset(?::jsonb) as row (subject text, counter text, threshold integer, "periodEnd" bigint,
      "crossedAt" bigint, "lowAt" bigint, used bigint, requests bigint, name text, kind text, owner text, entries jsonb)
  ), written as (
    insert into limit_threshold as known
      (subject, counter, threshold, period_end, crossed_at, low_at, used, requests, create_time)
    select subject, counter, threshold, "periodEnd", "crossedAt", "lowAt", used, requests, now() from seen
    order by subject, counter, threshold, "periodEnd"
    on conflict (subject, counter, threshold, period_end) do update
      set crossed_at = excluded.crossed_at, low_at = excluded.low_at, used = excluded.used, requests = excluded.requests,
        create_time = excluded.create_time
      where known.period_end = 0 and known.crossed_at < excluded.low_at
    returning subject, counter, threshold, period_end
  )
  select publish_event('limit.threshold', jsonb_strip_nulls(jsonb_build_object(
      'name', resource, 'account', 'accounts/' || account, 'entries', entries, 'limit', seen.name, 'threshold', seen.threshold,
      'used', used, 'requests', requests, 'periodEndTime', audit_time(to_timestamp(nullif("periodEnd", 0) / 1e6)))),
    coalesce(resource, ''), account)
  from written
    join seen on (seen.subject, seen.counter, seen.threshold, "periodEnd") =
      (written.subject, written.counter, written.threshold, period_end)
    left join lateral (
      select id, account_id from api_key where kind = 'key' and counter_id = owner
      order by delete_time desc nulls first, create_time desc limit 1
    ) key on true,
    lateral (
      select case kind
          when 'account' then 'accounts/' || owner
          when 'key' then 'apiKeys/' || key.id
          when 'token' then 'tokens/' || owner
          else 'domains/' || owner
        end as resource,
        case kind when 'account' then owner else key.account_id end as account
    ) described`;

/** Starts to write each second. `stop` ends that and writes once more. */
export function startLimitThresholds(options: LimitThresholdsOptions): LimitThresholds & { stop(): Promise<void> } {
  const thresholds = new LimitThresholds(options);
  const stopping = new AbortController();
  const writing = writeEachSecond(thresholds, stopping.signal);
  const stop = async () => {
    stopping.abort();
    const lastFlush = writing.then(() => thresholds.flush());
    // Postgres may be away. A process that stops must not wait for it.
    await Promise.race([lastFlush, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
  };
  return Object.assign(thresholds, { stop });
}

async function writeEachSecond(thresholds: LimitThresholds, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(INTERVAL_MS, undefined, { signal, ref: false }).catch(() => {}); // aborting is how the loop ends
    if (!signal.aborted) await thresholds.flush();
  }
}
