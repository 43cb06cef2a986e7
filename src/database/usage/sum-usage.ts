import type { Query } from '../../interfaces/query.ts';

/** A subject whose usage is wanted: an account with all of its keys, or an API key with those that it was rotated from. */
export interface WantedUsage {
  /** As `encodeAccount` writes it. undefined: an API key is wanted. */
  readonly accountId?: string | undefined;
  /** The id of the counters of an API key. */
  readonly counterId?: string | undefined;
  /** RFC 3339, the start of an hour. */
  readonly from: string;
}

/** Hits of allowed requests since `from`. */
export interface SummedUsage {
  /** Index of what was wanted. */
  readonly index: number;
  /** Whether an API key made the requests. */
  readonly isOfKey: boolean;
  readonly planId: string;
  readonly route: string;
  readonly hits: number;
}

const SUM = `
  with wanted as (
    select * from jsonb_to_recordset(?::jsonb) as item(index int, "accountId" text, "counterId" text, "from" timestamptz)
  ), owner as (
    select index, "from", "accountId" as account_id, null as key_id from wanted where "accountId" is not null
    union all
    select index, "from", api_key.account_id, api_key.id from wanted join api_key on counter_id = "counterId"
  )
  select index, api_key_id <> '' as "isOfKey", plan_id as "planId", route, sum(hits)::float8 as hits
  from owner, lateral (
    select api_key_id, plan_id, route, hits from usage_hour
    where account_id = owner.account_id collate "C" and hour >= "from" and api_key_id = coalesce(key_id, api_key_id)
    union all
    select api_key_id, plan_id, route, hits from usage_correction
    where account_id = owner.account_id collate "C" and hour >= "from" and record_time >= date_trunc('day', "from", 'UTC')
      and api_key_id = coalesce(key_id, api_key_id)
  ) used
  group by 1, 2, 3, 4`;

/** Sums the usage of several subjects, by plan and route. */
export async function sumUsage(query: Query, wanted: readonly WantedUsage[]): Promise<readonly SummedUsage[]> {
  if (wanted.length === 0) return [];
  const items = wanted.map((item, index) => ({ index, ...item }));
  return (await query(SUM, [JSON.stringify(items)])) as readonly SummedUsage[];
}

/** The first hour whose usage is kept, as Unix time in ms. */
export async function readFirstUsageHour(query: Query): Promise<number> {
  const [row] = (await query(`select extract(epoch from first_usage_hour())::float8 * 1000 as hour`, [])) as {
    hour: number;
  }[];
  return row?.hour ?? Number.POSITIVE_INFINITY;
}
