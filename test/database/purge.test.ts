import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createQuery, type Database, openDatabase } from '../../src/database/open-database.ts';
import { purge } from '../../src/database/statements/purge.ts';
import { newDatabase } from '../support/databases.ts';

const RETENTION = { deletedSeconds: 10 * 86_400 };

let database: Database;

beforeAll(async () => {
  database = await openDatabase({ url: await newDatabase() });
  await query(
    `insert into plan (id, display_name, limits, create_time, update_time) values ('free', 'Free', '[]', now(), now())`,
  );
});
afterAll(() => database.close(true));
beforeEach(async () => {
  for (const table of ['session', 'api_key', 'account']) await query(`delete from ${table}`);
});

const query = (sql: string, parameters: readonly unknown[] = []) => createQuery(database)(sql, parameters);
const runPurge = () => purge(createQuery(database), RETENTION);
const listIds = async (table: string) =>
  ((await query(`select id from ${table} order by id`)) as { id: string }[]).map(({ id }) => id);

/** Inserts an account that was deleted some days ago; undefined: it is not deleted. */
const addAccount = (id: string, deletedDays?: number) =>
  query(
    `insert into account (id, role, plan_id, delete_time, create_time, update_time)
     values (?, 'user', 'free', now() - ?::int * interval '1 day', now(), now())`,
    [id, deletedDays ?? null],
  );

const addKey = (id: string, accountId: string, deletedDays?: number) =>
  query(
    `insert into api_key (id, digest, hint, counter_id, display_name, account_id, disabled, delete_time, create_time, update_time)
     values (?, sha256(?::bytea), '', ?, '', ?, false, now() - ?::int * interval '1 day', now(), now())`,
    [id, id, id, accountId, deletedDays ?? null],
  );

const addSession = (
  id: string,
  accountId: string,
  { endedDays, expiredDays }: { endedDays?: number; expiredDays?: number },
) =>
  query(
    `insert into session (id, account_id, family_digest, token_digest, expire_time, end_time, create_time, update_time)
     values (?, ?, sha256(?::bytea), '', now() - ?::int * interval '1 day', now() - ?::int * interval '1 day', now(), now())`,
    [id, accountId, id, expiredDays ?? -30, endedDays ?? null],
  );

describe('purging', () => {
  it('deletes keys that were deleted long ago, and no others', async () => {
    await addAccount('a');
    await addKey('used', 'a');
    await addKey('deleted-lately', 'a', 9);
    await addKey('deleted-long-ago', 'a', 11);
    expect(await runPurge()).toEqual({ api_key: 1 });
    expect(await listIds('api_key')).toEqual(['deleted-lately', 'used']);
    expect(await runPurge()).toEqual({});
  });

  it('leaves the successor of a purged key as it is', async () => {
    await addAccount('a');
    await addKey('old', 'a', 11);
    await addKey('new', 'a');
    await query(`update api_key set successor_id = 'new' where id = 'old'`);
    await addKey('predecessor', 'a');
    await query(`update api_key set successor_id = 'old' where id = 'predecessor'`);
    await runPurge();
    expect(await listIds('api_key')).toEqual(['new', 'predecessor']);
  });

  it('deletes more keys than one statement does', async () => {
    await addAccount('a');
    await query(
      `insert into api_key (id, digest, hint, counter_id, display_name, account_id, disabled, delete_time, create_time, update_time)
       select 'k' || i, sha256(('k' || i)::bytea), '', '', '', 'a', false, now() - interval '11 days', now(), now()
       from generate_series(1, 2500) i`,
    );
    expect(await runPurge()).toEqual({ api_key: 2500 });
  });

  it('deletes sessions that ended or expired more than 30 days ago', async () => {
    await addAccount('a');
    await addSession('in-use', 'a', {});
    await addSession('ended-lately', 'a', { endedDays: 29 });
    await addSession('ended-long-ago', 'a', { endedDays: 31 });
    await addSession('expired-long-ago', 'a', { expiredDays: 31 });
    expect(await runPurge()).toEqual({ session: 2 });
    expect(await listIds('session')).toEqual(['ended-lately', 'in-use']);
  });

  it('deletes accounts that were deleted long ago, once none of their keys is left', async () => {
    await addAccount('gone', 11);
    await addKey('of-gone', 'gone', 11);
    await addAccount('with-key', 11);
    await addKey('of-with-key', 'with-key', 9);
    await addAccount('deleted-lately', 9);
    await addAccount('in-use');
    expect(await runPurge()).toEqual({ api_key: 1, account: 1 });
    expect(await listIds('account')).toEqual(['deleted-lately', 'in-use', 'with-key']);
  });

  it('writes no audit events: the deletions have theirs', async () => {
    await addAccount('gone', 11);
    await addKey('of-gone', 'gone', 11);
    await addSession('of-gone', 'gone', { endedDays: 31 });
    const count = () => query('select count(*)::int as count from audit_event');
    const before = await count();
    expect(await runPurge()).toEqual({ api_key: 1, session: 1, account: 1 });
    expect(await count()).toEqual(before);
  });

  it('skips what another node purges at the same time, and stops when its signal is aborted', async () => {
    await addAccount('a');
    await addKey(randomUUID(), 'a', 11);
    const other = database.em.fork();
    await other.begin();
    await other.execute('select id from api_key for update');
    expect(await runPurge()).toEqual({});
    await other.rollback();
    expect(await purge(createQuery(database), RETENTION, AbortSignal.abort())).toEqual({});
    expect(await runPurge()).toEqual({ api_key: 1 });
  });
});
