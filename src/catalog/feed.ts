import type { CatalogEntry } from './records.ts';

/** Runs one statement and gives its rows as they are; parameters are written `?`. */
export type Query = (sql: string, parameters: readonly unknown[]) => Promise<readonly unknown[]>;

/** How far the feed was read: the snapshot (pg_snapshot) that the last statement saw. */
export type Position = string;

/** Each entity's current state, field by field, by its table's columns. */
const RECORDS: Readonly<Record<CatalogEntry['entity'], Readonly<Record<string, string>>>> = {
  plan: { limits: 'limits', features: 'features' },
  account: { planId: 'plan_id' },
  api_key: {
    digest: `encode(digest, 'hex')`,
    counterId: 'counter_id',
    accountId: 'account_id',
    planId: 'plan_id',
    disabled: 'disabled',
    conditions: `case when limits <> '[]' or allowed_networks <> '[]' or features <> '[]' then
      jsonb_build_object('limits', limits, 'allowedNetworks', allowed_networks, 'features', features)
    end`,
    expiresAt: milliseconds('least(expire_time, overlap_end_time)'),
  },
  issuer: {
    issuer: 'issuer',
    audiences: 'audiences',
    algorithms: 'algorithms',
    jwks: 'jwks',
    jwksUri: 'jwks_uri',
    claims: 'claims',
    defaultPlanId: 'default_plan_id',
    catalogAccounts: 'catalog_accounts',
    disabled: 'disabled',
  },
  signing_key: {
    algorithm: 'algorithm',
    publicJwk: `coalesce(public_jwk, private_jwk - 'd')`,
    sealedJwk: `case when algorithm like 'HS%' then sealed_jwk end`,
    expiresAt: milliseconds('expire_time'),
  },
  revocation: {
    issuerId: 'issuer_id',
    kind: 'kind',
    value: 'value',
    issuedBefore: milliseconds('issued_before'),
  },
};

const LIVE = {
  plan: 'true',
  account: 'true',
  api_key: 'delete_time is null',
  issuer: 'true',
  signing_key: 'true',
  revocation: 'true',
} as const satisfies Record<CatalogEntry['entity'], string>;

/** Accounts come before the keys that refer to them. */
const TABLES = ['plan', 'account', 'api_key', 'issuer', 'signing_key', 'revocation'] as const;

/** Rows at a time: few, as a page is taken in without a pause. */
const PAGE = 1_000;

/** Unix time in ms, of SQL that gives a time. */
function milliseconds(time: string): string {
  return `(extract(epoch from ${time}) * 1000)::bigint`;
}

function columnsOf(table: CatalogEntry['entity']): string {
  const fields = Object.entries(RECORDS[table]).map(([name, value]) => `${value} as "${name}"`);
  return fields.join(', ');
}

/** Where the feed stands now: what a snapshot that is read from now on has at least. */
export async function currentPosition(query: Query): Promise<Position> {
  const [row] = (await query('select pg_current_snapshot()::text as position', [])) as { position: Position }[];
  if (row === undefined) throw new Error('Postgres gave no snapshot');
  return row.position;
}

/**
 * All entities, in pages of a bounded size. The pages are read one after the other, so together they are no one state:
 * whoever reads them begins to follow the feed at a position taken before.
 */
export async function* readAll(query: Query): AsyncGenerator<Iterable<CatalogEntry>> {
  for (const table of TABLES) {
    let page = await readPage(query, table, '');
    while (page.last !== null) {
      const next = readPage(query, table, page.last); // under way while this one is taken in
      next.catch(() => {}); // whoever takes pages in may have stopped by then
      yield entriesOf(table, page.lines);
      page = await next;
    }
  }
}

interface Page {
  /** A row as JSON in each. */
  readonly lines: string;
  /** The highest id; null: there are no more rows. */
  readonly last: string | null;
}

/**
 * As one text, of which rows are parsed one at a time: a million rows as objects, a thousand at a time, would leave more
 * garbage in V8's heap than the catalog takes.
 */
async function readPage(query: Query, table: CatalogEntry['entity'], after: string): Promise<Page> {
  const sql = `
    select string_agg(row_to_json(page)::text, E'\\n') as lines, max(id) as last
    from (select id, ${columnsOf(table)} from ${table} where id > ? and ${LIVE[table]} order by id limit ${PAGE}) page`;
  const [page] = (await query(sql, [after])) as Page[];
  if (page === undefined) throw new Error('Postgres gave no page of the catalog');
  return page;
}

function* entriesOf(entity: CatalogEntry['entity'], lines: string): Generator<CatalogEntry> {
  for (let start = 0; start < lines.length; ) {
    const newline = lines.indexOf('\n', start);
    const end = newline < 0 ? lines.length : newline;
    const record = JSON.parse(lines.slice(start, end));
    yield { entity, id: record.id, record };
    start = end + 1;
  }
}

/**
 * What was changed by transactions that a position did not see. The number of a row is no order of commits, and a
 * transaction may stay open for long; so a reader does not remember numbers but which transactions it saw: those that
 * have committed since are exactly the ones visible now and not visible then. One statement reads the changes, the
 * entities' current state and the next position, so that they are of one moment.
 */
const CHANGES = `
  with changed as (
    select distinct entity, entity_id
    from catalog_change
    where transaction_id >= pg_snapshot_xmin(?::pg_snapshot)
      and not pg_visible_in_snapshot(transaction_id, ?::pg_snapshot)
  )
  select 'position' as entity, pg_current_snapshot()::text as id,
    jsonb_build_object('restored', pg_snapshot_xmax(pg_current_snapshot()) < pg_snapshot_xmax(?::pg_snapshot)) as record
  ${TABLES.map(
    (table) => `
      union all
      select entity, entity_id, (
        select row_to_json(row)::jsonb from (select ${columnsOf(table)} from ${table} where id = entity_id and ${LIVE[table]}) row)
      from changed where entity = '${table}'`,
  ).join('')}`;

export interface Changes {
  readonly entries: readonly CatalogEntry[];
  readonly position: Position;
  /** The database has been set back behind the position, from a backup say: everything has to be read anew. */
  readonly restored: boolean;
}

export async function readChanges(query: Query, since: Position): Promise<Changes> {
  type Head = { readonly entity: 'position'; readonly id: Position; readonly record: { readonly restored: boolean } };
  const rows = (await query(CHANGES, [since, since, since])) as (CatalogEntry | Head)[]; // as CHANGES selects them
  const head = rows.find((row) => row.entity === 'position');
  if (head === undefined) throw new Error('Postgres gave no position of the change feed');
  const entries = rows.filter((row) => row.entity !== 'position');
  return { entries, position: head.id, restored: head.record.restored };
}
