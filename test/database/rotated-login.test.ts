import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTemporaryFolder, type RunningPostgres, startPostgres } from '../../provision/postgres.ts';
import { DatabaseLogin } from '../../src/database/connection/database-login.ts';
import { openConnection } from '../../src/database/open-connection.ts';
import { createQuery, openDatabase } from '../../src/database/open-database.ts';
import type { Query } from '../../src/interfaces/query.ts';
import { waitUntil } from '../support/wait-until.ts';

const CHANGED = 'the login in a secret file has changed; new connections use it';
const UNUSABLE = 'a secret file has changed and cannot be used; keeping the last login';
const REFUSED = 'Postgres refuses the changed password; trying it again for each connection';
const ACCEPTED = 'Postgres accepts the changed password';

let postgres: RunningPostgres;
let folder: string;
beforeAll(async () => {
  [postgres, folder] = await Promise.all([startPostgres(), createTemporaryFolder()]);
});
afterAll(async () => {
  await postgres?.stop();
  await rm(folder, { recursive: true });
});

async function readPid(query: Query): Promise<number | undefined> {
  const rows = (await query('select pg_backend_pid() as pid', [])) as readonly { readonly pid: number }[];
  return rows[0]?.pid;
}

/** Ends the connections, so that their next statements open others. */
async function reconnect(queries: readonly Query[], query: Query): Promise<void> {
  const pids = await Promise.all(queries.map(readPid));
  for (const pid of pids) await query('select pg_terminate_backend(?)', [pid]);
  await waitUntil(async () => (await query('select 1 from pg_stat_activity where pid = any(?)', [pids])).length === 0);
}

describe('connections whose Postgres URL comes from a file', () => {
  it('sign in with the changed password as soon as Postgres has it, and keep the last login meanwhile', async () => {
    const url = new URL(await postgres.createDatabase());
    const file = path.join(folder, 'url');
    await writeFile(file, `${url.href}\n`);
    const log: string[] = [];
    const record = (fields: object, message: string) => void log.push(`${message} ${JSON.stringify(fields)}`);
    const login = new DatabaseLogin({ url: url.href, file, log: { info: record, warn: record } });
    const countLines = (message: string) => log.filter((line) => line.startsWith(message)).length;
    const owner = openConnection({ url: url.href, login, timeoutMs: 60_000 });
    const own = openConnection({ url: url.href, login, timeoutMs: 60_000 });
    const database = await openDatabase({ url: url.href, login });
    const queries = [own.query, createQuery(database)];
    try {
      await reconnect(queries, owner.query);
      for (const content of ['', `postgres://weir:newer-horse@127.0.0.1/other`, `postgres://weir:newer-hor`]) {
        await writeFile(file, content);
        await reconnect(queries, owner.query);
        await Promise.all(queries.map(readPid));
      }
      expect(countLines(UNUSABLE)).toBeGreaterThanOrEqual(2);
      expect(countLines(CHANGED)).toBe(0);

      url.password = 'newer-horse';
      await writeFile(file, url.href);
      await reconnect(queries, owner.query);
      await Promise.all(queries.map(readPid));
      expect([countLines(CHANGED), countLines(REFUSED), countLines(ACCEPTED)]).toEqual([1, 1, 0]);

      await owner.query(`alter role ${url.username} password 'newer-horse'`, []);
      await reconnect(queries, owner.query);
      await Promise.all(queries.map(readPid));
      expect([countLines(CHANGED), countLines(REFUSED), countLines(ACCEPTED)]).toEqual([1, 1, 1]);
      expect(log.join()).not.toContain('horse');
    } finally {
      login.close();
      await Promise.all([owner.close(), own.close(), database.close(true)]);
    }
  });
});
