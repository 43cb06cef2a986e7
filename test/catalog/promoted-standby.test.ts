import { randomUUID } from 'node:crypto';
import { chown, cp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTemporaryFolder } from '../../provision/postgres.ts';
import { startCatalogReplica } from '../../src/catalog/feed/replica.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.ts';
import { migrate } from '../../src/database/migrate.ts';
import { createConsistentReader } from '../../src/database/open-connection.ts';
import { createQuery, type Database, openDatabase } from '../../src/database/open-database.ts';
import { createApiKeyDigester } from '../../src/identity/secrets/api-key-secret.ts';
import type { Query, ReadConsistently } from '../../src/interfaces/query.ts';

const digest = createApiKeyDigester('');
const log = { info: () => {}, warn: () => {}, error: () => {} };

interface Server {
  readonly folder: string;
  readonly postgres: EmbeddedPostgres;
  readonly database: Database;
  readonly query: Query;
  readonly readConsistently: ReadConsistently;
}

let primary: Server;
let standby: Server;

async function open(folder: string, settings: Record<string, string> = {}): Promise<Server> {
  const postgres = await startEmbeddedPostgres({
    dataFolder: folder,
    log,
    settings: { fsync: 'off', ...settings },
    roleAttributes: 'superuser',
  });
  const database = await openDatabase({ url: postgres.url });
  const readConsistently = createConsistentReader({ url: postgres.url, timeoutMs: 5_000 });
  return { folder, postgres, database, query: createQuery(database), readConsistently };
}

/**
 * Creates a standby that follows a running primary. Copies its files as pg_basebackup does, which the packaged Postgres
 * does not contain.
 */
async function startStandby({ folder: original, database, postgres }: Server): Promise<Server> {
  const folder = await createTemporaryFolder();
  const em = database.em.fork();
  await em.begin(); // keeps all statements in one session
  await em.execute(`select pg_backup_start('standby', true)`);
  const belongsToProcess = (file: string) => /postmaster\.(pid|opts)$|\.lock$|\.log$/.test(file);
  await cp(path.join(original, 'postgres'), path.join(folder, 'postgres'), {
    recursive: true,
    filter: (file) => !belongsToProcess(file),
  });
  const [backup] = await em.execute<{ labelfile: string }[]>('select labelfile from pg_backup_stop(false)');
  await em.commit();
  const cluster = path.join(folder, 'postgres', 'data');
  const { hostname, port, username, password } = new URL(postgres.url);
  const followed = `primary_conninfo = 'host=${hostname} port=${port} user=${username} password=${password}'\n`;
  await writeFile(path.join(cluster, 'backup_label'), backup?.labelfile ?? '');
  await writeFile(path.join(cluster, 'standby.signal'), '');
  await writeFile(path.join(cluster, 'postgresql.auto.conf'), followed);
  const { uid, gid } = await stat(path.join(original, 'postgres', 'data'));
  for (const file of await readdir(path.join(folder, 'postgres'), { recursive: true })) {
    await chown(path.join(folder, 'postgres', file), uid, gid);
  }
  return open(folder);
}

async function addKey(server: Server, secret: string): Promise<void> {
  const id = randomUUID();
  await server.query(
    `insert into api_key (id, digest, hint, counter_id, display_name, account_id, disabled, create_time, update_time)
     values (?, ?, '', ?, '', 'account', false, now(), now())`,
    [id, Buffer.from(digest(secret), 'hex'), id],
  );
}

beforeAll(async () => {
  primary = await open(await createTemporaryFolder());
  await migrate(primary.database);
  await primary.query(
    `insert into plan (id, display_name, limits, create_time, update_time) values ('free', '', '[]', now(), now())`,
    [],
  );
  await primary.query(
    `insert into account (id, email, password_hash, role, plan_id, create_time, update_time)
     values ('account', '', '', 'user', 'free', now(), now())`,
    [],
  );
  for (const secret of ['kept', 'deleted']) await addKey(primary, secret);
  standby = await startStandby(primary);
});
afterAll(async () => {
  for (const { folder, postgres, database } of [primary, standby]) {
    await database.close(true);
    await postgres.stop();
    await rm(folder, { recursive: true });
  }
});

const SOON = { timeout: 20_000 };

test('nodes follow a standby; when it is promoted without the last writes of its primary, nodes of both servers reload', async () => {
  let current: Server | undefined = primary;
  const away = () => Promise.reject(new Error('connect ECONNREFUSED'));
  const moved = await startCatalogReplica({
    query: (sql, parameters) => current?.query(sql, parameters) ?? away(),
    readConsistently: (read) => current?.readConsistently(read) ?? away(),
    digest,
    log,
  });
  const { query, readConsistently } = standby;
  const stayed = await startCatalogReplica({ query, readConsistently, digest, log });
  const isKnown = (secret: string) => [moved, stayed].map((catalog) => catalog.keyBySecret(secret) !== undefined);
  try {
    await addKey(primary, 'replicated');
    await expect.poll(() => isKnown('replicated'), SOON).toEqual([true, true]);

    await standby.query(`alter system set primary_conninfo = ''`, []);
    await standby.query('select pg_reload_conf()', []);
    const receivers = () => standby.query('select pid from pg_stat_wal_receiver', []);
    await expect.poll(receivers, SOON).toEqual([]);
    await primary.query(`delete from api_key where digest = ?`, [Buffer.from(digest('deleted'), 'hex')]);
    await expect.poll(() => isKnown('deleted'), SOON).toEqual([false, true]);
    current = undefined;

    await standby.query('select pg_promote()', []);
    await addKey(standby, 'written');
    // Moves its transaction numbers beyond those that the nodes have seen.
    for (let transaction = 0; transaction < 50; transaction++) await standby.query('select pg_current_xact_id()', []);
    current = standby;
    await expect.poll(() => isKnown('written'), SOON).toEqual([true, true]);
    await expect.poll(() => isKnown('deleted'), SOON).toEqual([true, true]);
  } finally {
    await moved.stop();
    await stayed.stop();
  }
});
