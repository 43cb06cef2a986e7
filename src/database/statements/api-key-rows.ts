import type { EntityManager } from '@mikro-orm/postgresql';
import type { ApiKeyEntity } from '../entities/api-key-entity.ts';

/*
 * Statements on many API keys at once. One statement for a thousand rows takes a fraction of the time of a thousand
 * statements, and of what the ORM spends on a thousand objects.
 */

/** Takes a JSON array of rows. Sorts them, so that calls which insert the same keys wait for each other, not in a circle. */
const INSERT_KEYS = `
  insert into api_key (id, digest, imported, hint, counter_id, display_name, account_id, plan_id, allowed_networks,
    limits, features, disabled, expire_time, version, create_time, update_time)
  select id, decode(digest, 'hex'), imported, hint, "counterId", "displayName", "accountId", "planId",
    "allowedNetworks", limits, features, disabled, "expireTime", version, "createTime", "updateTime"
  from jsonb_to_recordset(?::jsonb) as row (id text, digest text, imported boolean, hint text, "counterId" text,
    "displayName" text, "accountId" text, "planId" text, "allowedNetworks" jsonb, limits jsonb, features jsonb,
    disabled boolean, "expireTime" timestamptz, version integer, "createTime" timestamptz, "updateTime" timestamptz)
  order by digest
  on conflict (digest) do nothing
  returning id`;

/** Inserts new keys, except those whose digest exists. Returns the ids of the inserted ones. */
export async function insertApiKeys(em: EntityManager, rows: readonly ApiKeyEntity[]): Promise<ReadonlySet<string>> {
  const records = rows.map((row) => ({ ...row, digest: Buffer.from(row.digest).toString('hex') }));
  const inserted = await em.execute<{ id: string }[]>(INSERT_KEYS, [JSON.stringify(records)]);
  return new Set(inserted.map(({ id }) => id));
}

/** Finds the ids of keys by their digests in hex. Deleted keys count: nobody must revive them. */
export async function findApiKeyIds(
  em: EntityManager,
  digests: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (digests.length === 0) return new Map();
  const rows = await em.execute<{ id: string; digest: string }[]>(
    `select id, encode(digest, 'hex') as digest from api_key
     where digest in (select decode(value, 'hex') from jsonb_array_elements_text(?::jsonb))`,
    [JSON.stringify(digests)],
  );
  return new Map(rows.map(({ id, digest }) => [digest, id]));
}

/** Deletes the keys of an account. Their rows stay. Locks them by id, as all statements on many keys do. */
export async function deleteApiKeys(em: EntityManager, accountId: string, now: Date): Promise<void> {
  await em.execute(
    `update api_key set delete_time = ?, update_time = ?, version = version + 1
     where id in (select id from api_key where account_id = ? and delete_time is null order by id for update)`,
    [now, now, accountId],
  );
}

/** The accounts and plans that exist, of those that new keys refer to. */
export interface ExistingReferences {
  readonly accountIds: ReadonlySet<string>;
  readonly planIds: ReadonlySet<string>;
}

/**
 * Finds accounts that are not deleted, and plans, by their ids. Locks the rows until the transaction ends, so that keys
 * can refer to them. Calls that add keys to one account wait for each other, so that they can count its keys.
 */
export async function lockReferences(
  em: EntityManager,
  ids: { readonly accountIds: Iterable<string>; readonly planIds: Iterable<string> },
): Promise<ExistingReferences> {
  return {
    accountIds: await lockRows(em, LOCK_ACCOUNTS, ids.accountIds),
    planIds: await lockRows(em, LOCK_PLANS, ids.planIds),
  };
}

const LOCK_ACCOUNTS = `
  select id from account where id in (select jsonb_array_elements_text(?::jsonb)) and delete_time is null
  order by id for no key update`;
const LOCK_PLANS = `
  select id from plan where id in (select jsonb_array_elements_text(?::jsonb)) order by id for key share`;

async function lockRows(em: EntityManager, sql: string, ids: Iterable<string>): Promise<ReadonlySet<string>> {
  const rows = await em.execute<{ id: string }[]>(sql, [JSON.stringify([...new Set(ids)])]);
  return new Set(rows.map(({ id }) => id));
}
