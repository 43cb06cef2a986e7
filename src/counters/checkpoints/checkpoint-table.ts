import type { Checkpoint } from '../../domain/counting/checkpoint.ts';
import { CREDITS_END } from '../../domain/counting/credit-balance.ts';
import type { Query } from '../../interfaces/query.ts';
import { checkpointId, checkpointIdPrefix, decodeSubject, encodeSubject } from './checkpoint-id.ts';

/** Stands for an unknown use of a counter, where only refunds are known. Less than any use. */
export const UNKNOWN_USE = Number.MIN_SAFE_INTEGER;

/** The latest answers of a store about a counter, to be written. Times are Unix times in µs, by the clock of the store. */
export interface ObservedCheckpoint extends Checkpoint {
  /** When the counter had `used`. */
  readonly observedAt: number;
  /** Hits that were refunded since the last write of this node. */
  readonly refunded: number;
}

/** A checkpoint in the table. */
export interface KeptCheckpoint extends Checkpoint {
  /** Orders the checkpoints of a tag. */
  readonly id: string;
}

/** Names a counter. */
export type CounterName = Pick<Checkpoint, 'subject' | 'identity'>;

const NEVER_LOWERED = 0;

/** Columns: see CounterCheckpointEntity. Postgres has times in µs, and `infinity`. */
const toTime = (micros: string) =>
  `case when ${micros} < ${CREDITS_END} then to_timestamp(${micros} / 1000000.0) else 'infinity' end`;
const toMicros = (time: string) =>
  `case when ${time} = 'infinity' then ${CREDITS_END} else (extract(epoch from ${time}) * 1000000)::int8 end::float8`;

/**
 * Takes a JSON list of rows. Keeps the greatest use of a period, as nodes write in any order, and counters that were lost
 * count less than what is kept. Two things lower it: refunds, and a row that an administrator's change has written, with
 * `lowered_at`. Older observations are left out from then on. A refund of unknown use adds no row.
 *
 * Rows are locked in the order of their ids, so that nodes which write the same rows wait for each other instead of
 * deadlocking.
 */
const WRITE = `
  insert into counter_checkpoint as kept
    (id, subject, limit_identity, period_start_time, period_end_time, used, refunded, observe_time, lower_time)
  select id, subject, identity, ${toTime('period_start')}, ${toTime('period_end')}, used, refunded,
    ${toTime('observed_at')}, ${toTime('lowered_at')}
  from json_to_recordset(?::json) as observed(
    id text, subject text, identity text, period_start bigint, period_end bigint, used bigint, refunded bigint,
    observed_at bigint, lowered_at bigint
  )
  where used > ${UNKNOWN_USE} or exists (select from counter_checkpoint where counter_checkpoint.id = observed.id)
  order by id collate "C"
  on conflict (id) do update set
    period_start_time = excluded.period_start_time,
    period_end_time = excluded.period_end_time,
    used = case
      when excluded.period_start_time > kept.period_start_time or excluded.lower_time > kept.lower_time then excluded.used
      else greatest(kept.used - excluded.refunded, excluded.used)
    end,
    refunded = case
      when excluded.period_start_time > kept.period_start_time then excluded.refunded
      else kept.refunded + excluded.refunded
    end,
    observe_time = excluded.observe_time,
    lower_time = greatest(kept.lower_time, excluded.lower_time)
  where excluded.period_start_time > kept.period_start_time
    or (excluded.period_start_time = kept.period_start_time and excluded.observe_time > kept.lower_time)`;

const READ_COLUMNS = `
  select id, subject, limit_identity as "identity", used::float8 as used,
    ${toMicros('period_start_time')} as "periodStart", ${toMicros('period_end_time')} as "periodEnd"
  from counter_checkpoint`;
const IS_RUNNING = `period_end_time > now() and used > ${UNKNOWN_USE}`;

/** Takes a JSON list of ids. */
const READ_COUNTERS = `${READ_COLUMNS}
  where id in (select json_array_elements_text(?::json)) and ${IS_RUNNING}`;

/** Takes the first id of a tag, the id that all others of the tag are before, the id to continue after, and a number. */
const READ_TAG = `${READ_COLUMNS}
  where id >= ? and id < ? and id > ? and ${IS_RUNNING}
  order by id limit ?`;

/** The checkpoints of all nodes in Postgres. Every method rejects as the query does. */
export class CheckpointTable {
  readonly #query: Query;

  constructor(query: Query) {
    this.#query = query;
  }

  /** Writes what was observed, in one statement. No two of them may be about the same counter. */
  async write(observed: readonly ObservedCheckpoint[]): Promise<void> {
    await this.#write(observed.map((checkpoint) => toRow(checkpoint, NEVER_LOWERED)));
  }

  /** Writes the use of counters that an administrator has just changed, in one statement, also where it is lower. */
  async replace(observed: readonly ObservedCheckpoint[]): Promise<void> {
    await this.#write(observed.map((checkpoint) => toRow(checkpoint, checkpoint.observedAt)));
  }

  /** Reads the checkpoints of a tag whose periods are running, in the order of their ids, up to `count` after `afterId`. */
  async read(tag: number, afterId: string, count: number): Promise<readonly KeptCheckpoint[]> {
    return this.#read(READ_TAG, [checkpointIdPrefix(tag), checkpointIdPrefix(tag + 1), afterId, count]);
  }

  /** Reads the checkpoints of counters whose periods are running. */
  async readCounters(counters: readonly CounterName[]): Promise<readonly KeptCheckpoint[]> {
    const ids = counters.map(({ subject, identity }) => checkpointId(subject, identity));
    return this.#read(READ_COUNTERS, [JSON.stringify(ids)]);
  }

  /** Reads all checkpoints of a tag whose periods are running, `count` at a time. The last page may be empty. */
  async *pages(tag: number, count: number): AsyncGenerator<readonly KeptCheckpoint[]> {
    for (let afterId = ''; ; ) {
      const rows = await this.read(tag, afterId, count);
      yield rows;
      afterId = rows.at(-1)?.id ?? afterId;
      if (rows.length < count) return;
    }
  }

  async #read(sql: string, parameters: readonly unknown[]): Promise<readonly KeptCheckpoint[]> {
    // The cast holds because both statements select these columns.
    const rows = (await this.#query(sql, parameters)) as KeptCheckpoint[];
    return rows.map((row) => ({ ...row, subject: decodeSubject(row.subject) }));
  }

  async #write(rows: readonly object[]): Promise<void> {
    if (rows.length > 0) await this.#query(WRITE, [JSON.stringify(rows)]);
  }
}

function toRow(
  { subject, identity, periodStart, periodEnd, used, refunded, observedAt }: ObservedCheckpoint,
  loweredAt: number,
): object {
  return {
    id: checkpointId(subject, identity),
    subject: encodeSubject(subject),
    identity,
    period_start: periodStart,
    period_end: periodEnd,
    used,
    refunded,
    observed_at: Math.round(observedAt),
    lowered_at: Math.round(loweredAt),
  };
}
