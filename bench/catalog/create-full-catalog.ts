import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import { startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.ts';
import { migrate } from '../../src/database/migrate.ts';
import { createQuery, openDatabase } from '../../src/database/open-database.ts';
import { createApiKeyDigester, generateApiKey } from '../../src/identity/secrets/api-key-secret.ts';
import type { ChildProcesses } from '../processes/child-processes.ts';

/** A catalog of many API keys, in a Postgres of its own. */
export interface FullCatalog {
  readonly databaseUrl: string;
  /** Secrets of some of the keys. */
  readonly secrets: readonly string[];
}

const ROWS_PER_STATEMENT = 100_000;
const KEYS_PER_ACCOUNT = 10;

const TABLES = ['account', 'api_key'];
const INSERT_PLANS = `
  insert into plan (id, display_name, limits, create_time, update_time)
  values
    ('bench', 'Bench', '[{"name":"burst","requests":1000000000,"window":"1m","algorithm":"sliding_window"}]', now(), now()),
    ('free', 'Free', '[]', now(), now())`;
const INSERT_ACCOUNTS = `
  insert into account (id, email, password_hash, role, plan_id, create_time, update_time)
  select md5('account' || n)::uuid::text, 'bench-' || n, '', 'user', 'bench', now(), now() from generate_series(1, ?::int) n`;
const INSERT_KEYS = `
  insert into api_key (id, digest, hint, counter_id, display_name, account_id, plan_id, disabled, create_time, update_time)
  select id, sha256(convert_to(id, 'UTF8')), '', id, '', md5('account' || (1 + n / ${KEYS_PER_ACCOUNT}))::uuid::text, 'bench', false, now(), now()
  from (select n, md5('key' || n)::uuid::text as id from generate_series(?::int, ?::int) n) key`;
const INSERT_KEY_WITH_SECRET = `
  insert into api_key (id, digest, hint, counter_id, display_name, account_id, plan_id, disabled, create_time, update_time)
  values (?, ?, '', ?, '', md5('account1')::uuid::text, 'bench', false, now(), now())`;

/** A busy machine may need minutes for a statement. */
const QUERY_TIMEOUT_MS = 600_000;

/**
 * Creates a catalog with `keys` API keys in total, in a Postgres that `children` stops, also if this fails. Returns secrets
 * for `keysWithSecret` of them.
 */
export async function createFullCatalog(
  children: ChildProcesses,
  parentFolder: string,
  size: { readonly keys: number; readonly keysWithSecret: number },
): Promise<FullCatalog> {
  const dataFolder = await mkdtemp(path.join(parentFolder, 'catalog-'));
  await chmod(dataFolder, 0o755);
  const log = { info: () => {}, warn: console.warn, error: console.error };
  const postgres = await startEmbeddedPostgres({ dataFolder, log, settings: { fsync: 'off' } });
  children.addStopAction(() => postgres.stop());
  return { databaseUrl: postgres.url, secrets: await fillCatalog(postgres.url, size) };
}

/** Returns the secrets. */
async function fillCatalog(
  url: string,
  { keys, keysWithSecret }: { readonly keys: number; readonly keysWithSecret: number },
): Promise<readonly string[]> {
  const database = await openDatabase({ url, queryTimeoutMs: QUERY_TIMEOUT_MS });
  try {
    const query = createQuery(database);
    await migrate(database);
    await query(INSERT_PLANS, []);
    // The triggers write changes, audit events and webhook events, which nobody reads here.
    for (const table of TABLES) await query(`alter table ${table} disable trigger user`, []);
    await query(INSERT_ACCOUNTS, [keys / KEYS_PER_ACCOUNT + 1]);
    const digest = createApiKeyDigester('');
    const secrets = Array.from({ length: keysWithSecret }, generateApiKey);
    for (const secret of secrets) {
      const id = randomUUID();
      await query(INSERT_KEY_WITH_SECRET, [id, Buffer.from(digest(secret), 'hex'), id]);
    }
    for (let first = keysWithSecret; first < keys; first += ROWS_PER_STATEMENT) {
      await query(INSERT_KEYS, [first, Math.min(first + ROWS_PER_STATEMENT, keys) - 1]);
    }
    for (const table of TABLES) await query(`alter table ${table} enable trigger user`, []);
    await query('analyze', []);
    return secrets;
  } finally {
    await database.close(true);
  }
}
