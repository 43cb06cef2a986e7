import {
  describeMissingUsage,
  type KeptUsage,
  type SplitRanges,
  splitRolledUp,
  splitUsageRange,
  type UsageRange,
  type UsageTimes,
} from '../../domain/usage/usage-ranges.ts';
import type { UsageCounts, UsageOutcome } from '../../domain/usage/usage-row.ts';
import type { Query } from '../../interfaces/query.ts';

/** The dimensions that can split the buckets of a query, in the order in which rows are sorted. */
export const USAGE_GROUPS = ['apiKeyId', 'route', 'planId', 'outcome'] as const;
export type UsageGroup = (typeof USAGE_GROUPS)[number];

/** The position of a row in the result: its bucket, as Unix time in ms, and its groups. */
export type UsageRowKey = { readonly bucket: number } & Readonly<Record<UsageGroup, string>>;

export interface UsageQuery extends UsageTimes {
  /** As `encodeAccount` writes it. undefined: all accounts, and the requests of none. */
  readonly accountId: string | undefined;
  /** IANA name. */
  readonly timeZone: string;
  readonly groupBy: ReadonlySet<UsageGroup>;
  /** Values that counted requests must have. */
  readonly where: readonly { readonly group: UsageGroup; readonly value: string }[];
  /** The last row of the previous page; undefined: the first page. */
  readonly after: UsageRowKey | undefined;
  readonly limit: number;
}

/** The usage of a bucket, or of a part of it. Groups that the query does not split by are empty. */
export type UsageResultRow = UsageRowKey & UsageCounts;

export interface UsageResult {
  readonly rows: readonly UsageResultRow[];
  readonly warnings: readonly string[];
}

const READ_KEPT = `
  select extract(epoch from first_usage_hour())::float8 * 1000 as "firstHour",
    (select extract(epoch from min(start))::float8 * 1000 from time_partitions('usage_day', 'month')) as "firstDay",
    extract(epoch from rolled_until)::float8 * 1000 as "rolledUntil", totaled_until >= rolled_until as "hasTotals"
  from usage_state`;

const COLUMNS: Readonly<Record<UsageGroup, string>> = {
  apiKeyId: 'api_key_id',
  route: 'route',
  planId: 'plan_id',
  outcome: 'outcome',
};
const COUNTS = ['allowed', 'rate_limited', 'quota_exceeded', 'denied', 'hits'];

/** The names of outcomes in results, and in the filter of a query. */
export const OUTCOME_NAMES = {
  ALLOWED: 'allowed',
  RATE_LIMITED: 'rateLimited',
  QUOTA_EXCEEDED: 'quotaExceeded',
  DENIED: 'denied',
} as const satisfies Readonly<Record<string, UsageOutcome>>;

/** Answers a query from the tables that have the fewest rows for it. */
export async function queryUsage(query: Query, usage: UsageQuery): Promise<UsageResult> {
  const [kept] = (await query(READ_KEPT, [])) as [KeptUsage & { readonly hasTotals: boolean }];
  const ranges = splitUsageRange(usage, kept);
  const isTotal = kept.hasTotals && !needsAccounts(usage);
  const statement = new UsageStatement(usage, isTotal ? splitRolledUp(ranges, kept) : { rolledUp: [], open: ranges });
  const rows = (await query(statement.sql, statement.parameters)) as UsageResultRow[];
  return { rows, warnings: describeMissingUsage(usage, kept) };
}

/** Whether only the rows of the accounts can answer a query. Others are answered from the totals of all accounts. */
function needsAccounts({ accountId, groupBy, where }: UsageQuery): boolean {
  return accountId !== undefined || groupBy.has('apiKeyId') || where.some(({ group }) => group === 'apiKeyId');
}

/** The statement of a query, and its parameters in the order in which they appear. */
class UsageStatement {
  readonly parameters: unknown[] = [];
  readonly sql: string;
  readonly #usage: UsageQuery;

  /** Ranges that are rolled up are read from the totals of all accounts. */
  constructor(usage: UsageQuery, { rolledUp, open }: SplitRanges) {
    this.#usage = usage;
    const totals = rolledUp.map((range) => this.#selectTotals(range));
    const sources = [...totals, ...open.map((range) => this.#selectRange(range)), this.#selectCorrections()];
    const buckets = usage.step === 'hour' ? 'at' : `date_trunc(?, at, ?)`;
    if (usage.step !== 'hour') this.parameters.unshift(usage.step, usage.timeZone);
    this.sql = `
      with summed as (
        select ${buckets} as bucket, ${this.#groupColumns().join(', ')}, ${COUNTS.map((count) => `sum(${count}) as ${count}`).join(', ')}
        from (${sources.join(' union all ')}) source
        group by 1, 2, 3, 4
      ), split as (${this.#usesOutcome ? SPLIT_BY_OUTCOME : WITHOUT_OUTCOME})
      select extract(epoch from bucket)::float8 * 1000 as bucket, api_key_id as "apiKeyId", route, plan_id as "planId",
        ${usage.groupBy.has('outcome') ? 'outcome' : `'' as outcome`}, allowed::float8, rate_limited::float8 as "rateLimited",
        quota_exceeded::float8 as "quotaExceeded", denied::float8, hits::float8
      from split where true${this.#filterOutcome()}${this.#afterKey()}
      order by split.bucket, api_key_id collate "C", route collate "C", plan_id collate "C", split.outcome collate "C"
      limit ?`;
    this.parameters.push(usage.limit);
  }

  get #usesOutcome(): boolean {
    return this.#usage.groupBy.has('outcome') || this.#usage.where.some(({ group }) => group === 'outcome');
  }

  #selectTotals({ table, from, to }: UsageRange): string {
    this.parameters.push(new Date(from).toISOString(), new Date(to).toISOString());
    return `
      select ${table} as at, '' as api_key_id, route, plan_id, ${COUNTS.join(', ')} from usage_total_${table}
      where ${table} >= ?::timestamptz and ${table} < ?::timestamptz${this.#matchRow()}`;
  }

  #selectRange({ table, from, to }: UsageRange): string {
    this.parameters.push(new Date(from).toISOString(), new Date(to).toISOString());
    return `
      select ${table} as at, api_key_id, route, plan_id, ${COUNTS.join(', ')} from usage_${table}
      where ${table} >= ?::timestamptz and ${table} < ?::timestamptz${this.#matchRow()}`;
  }

  /** Usage arrives after its hour, so older partitions have none of it. */
  #selectCorrections(): string {
    const [from, to] = [new Date(this.#usage.from).toISOString(), new Date(this.#usage.to).toISOString()];
    this.parameters.push(from, to, from);
    return `
      select hour as at, api_key_id, route, plan_id, ${COUNTS.join(', ')} from usage_correction
      where hour >= ?::timestamptz and hour < ?::timestamptz and record_time >= ?::timestamptz${this.#matchRow()}`;
  }

  #matchRow(): string {
    let condition = '';
    if (this.#usage.accountId !== undefined) {
      condition += ' and account_id = ?';
      this.parameters.push(this.#usage.accountId);
    }
    for (const { group, value } of this.#usage.where) {
      if (group === 'outcome') continue;
      condition += ` and ${COLUMNS[group]} = ?`;
      this.parameters.push(value);
    }
    return condition;
  }

  #groupColumns(): readonly string[] {
    const { groupBy } = this.#usage;
    return (['apiKeyId', 'route', 'planId'] as const).map((group) =>
      groupBy.has(group) ? COLUMNS[group] : `'' as ${COLUMNS[group]}`,
    );
  }

  /** A filter leaves one outcome at most, so the rows of different outcomes never have to be added up again. */
  #filterOutcome(): string {
    const outcomes = this.#usage.where.filter(({ group }) => group === 'outcome');
    this.parameters.push(...outcomes.map(({ value }) => value));
    return outcomes.map(() => ' and outcome = ?').join('');
  }

  #afterKey(): string {
    const { after } = this.#usage;
    if (after === undefined) return '';
    this.parameters.push(new Date(after.bucket).toISOString(), ...USAGE_GROUPS.map((group) => after[group]));
    const { groupBy } = this.#usage;
    const columns = USAGE_GROUPS.map((group) =>
      group === 'outcome' && !groupBy.has(group) ? `''` : `${COLUMNS[group]} collate "C"`,
    );
    return ` and (bucket, ${columns.join(', ')}) > (?::timestamptz, ?, ?, ?, ?)`;
  }
}

const WITHOUT_OUTCOME = `select *, '' as outcome from summed`;

/** The hits are those of allowed requests. */
const SPLIT_BY_OUTCOME = `
  select bucket, api_key_id, route, plan_id, part.* from summed, lateral (values
    (allowed, 0, 0, 0, hits, 'ALLOWED'), (0, rate_limited, 0, 0, 0, 'RATE_LIMITED'),
    (0, 0, quota_exceeded, 0, 0, 'QUOTA_EXCEEDED'), (0, 0, 0, denied, 0, 'DENIED')
  ) part(allowed, rate_limited, quota_exceeded, denied, hits, outcome)
  where part.allowed + part.rate_limited + part.quota_exceeded + part.denied <> 0 or part.hits <> 0`;
