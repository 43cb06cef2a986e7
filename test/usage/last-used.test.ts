import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTemporaryFolder } from '../../provision/postgres.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.ts';
import { migrate } from '../../src/database/migrate.ts';
import { createQuery, type Database, openDatabase } from '../../src/database/open-database.ts';
import type { KeyRecord } from '../../src/decide/ports.ts';
import { UNRESTRICTED } from '../../src/domain/account-state.ts';
import { ApiKeyServiceService } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { LastUsed } from '../../src/usage/last-used.ts';
import { check, httpStatus } from '../support/clients/decision-calls.ts';
import type { Headers } from '../support/clients/grpc-client.ts';
import { newDatabase } from '../support/databases.ts';
import { type NewApiKey, TestNode } from '../support/node.ts';

const MINUTE_MS = 60_000;

const toMinute = (time: Date | undefined) => Math.floor(Number(time) / MINUTE_MS);
const currentMinute = () => Math.floor(Date.now() / MINUTE_MS);

describe('a node that makes decisions', () => {
  let url: string;
  let node: TestNode;
  let administrator: Headers;
  beforeAll(async () => {
    url = await newDatabase();
    node = await TestNode.start({ DATABASE_URL: url });
    administrator = await node.signIn();
    await node.createPlan(administrator, 'two', 2);
  });
  afterAll(() => node?.stop());

  const get = ({ name }: NewApiKey) => node.admin.call(ApiKeyServiceService.getApiKey, { name }, administrator);

  it('writes the last-used times of admitted keys when it stops, and changes nothing else about any key', async () => {
    const used = await node.createKey(administrator, 'two');
    const unused = await node.createKey(administrator, 'two');
    const disabled = await node.createKey(administrator, 'two', { disabled: true });
    const before = await get(used);
    expect(before.lastUsedTime).toBeUndefined();
    const deciding = await TestNode.start({ DATABASE_URL: url, WEIR_ROLE: 'decision' });
    const minuteBefore = currentMinute();
    for (const { secret } of [used, used, disabled]) await check(deciding.decision, { 'x-api-key': secret });
    await deciding.stop();
    const after = await get(used);
    expect(toMinute(after.lastUsedTime)).toBeGreaterThanOrEqual(minuteBefore);
    expect(toMinute(after.lastUsedTime)).toBeLessThanOrEqual(currentMinute());
    expect(Number(after.lastUsedTime) % MINUTE_MS).toBe(0);
    expect({ ...after, lastUsedTime: undefined }).toEqual(before);
    for (const key of [unused, disabled]) expect((await get(key)).lastUsedTime).toBeUndefined();
  });

  it('does not count a request as use when a limit rejects it', async () => {
    const key = await node.createKey(administrator, 'two');
    const deciding = await TestNode.start({ DATABASE_URL: url, WEIR_ROLE: 'decision' });
    const rejected = await check(deciding.decision, { 'x-api-key': key.secret }, { 'weir.cost': '3' });
    await deciding.stop();
    expect(httpStatus(rejected)).toBe(429);
    expect((await get(key)).lastUsedTime).toBeUndefined();
  });

  it('writes last-used times shortly after the end of a minute', { timeout: 90_000 }, async () => {
    const key = await node.createKey(administrator, 'two');
    await check(node.decision, { 'x-api-key': key.secret });
    const minutes = [currentMinute() - 1, currentMinute()];
    await expect.poll(async () => (await get(key)).lastUsedTime, { timeout: 75_000, interval: 500 }).toBeDefined();
    expect(minutes).toContain(toMinute((await get(key)).lastUsedTime));
  });
});

describe('the last-used time of a key', () => {
  let database: Database;
  const T0 = 1_800_000_000_000;
  const log = { info: () => {}, warn: () => {} };
  const makeRecord = (id: string): KeyRecord => ({
    id,
    counterId: id,
    accountId: '',
    planId: '',
    policy: { limits: [], allowedNetworks: [], features: [] },
    disabled: false,
    accountState: UNRESTRICTED,
    expiresAt: undefined,
  });
  const insertKeys = async (into: Database, prefix: string, count: number) => {
    const query = createQuery(into);
    await query(
      `insert into plan (id, display_name, limits, create_time, update_time) values ('p', '', '[]', now(), now()) on conflict do nothing`,
      [],
    );
    await query(
      `insert into account (id, email, password_hash, role, plan_id, create_time, update_time)
      values ('a', 'a', '', 'user', 'p', now(), now()) on conflict do nothing`,
      [],
    );
    await query(
      `insert into api_key (id, digest, hint, counter_id, display_name, account_id, disabled, create_time, update_time)
      select ?::text || i, sha256((?::text || i)::bytea), '', '', '', 'a', false, now(), now() from generate_series(1, ?) i`,
      [prefix, prefix, count],
    );
  };
  /**
   * Returns the distinct last-used times of the keys with a prefix, in Unix ms, with the number of keys that have each.
   */
  const readTimes = async (from: Database, prefix: string) => {
    const sql = `select extract(epoch from last_used_time)::float8 * 1000 as time, count(*)::int as keys
      from api_key where id like ? || '%' group by 1 order by 1`;
    return (await createQuery(from)(sql, [prefix])) as { time: number | null; keys: number }[];
  };
  beforeAll(async () => {
    database = await openDatabase({ url: await newDatabase() });
  });
  afterAll(() => database.close(true));

  it('is the minute of its latest use, for many keys at once, and never moves back', async () => {
    await insertKeys(database, 'many-', 25_000);
    const lastUsed = new LastUsed({ query: createQuery(database), log }, T0);
    const records = Array.from({ length: 25_000 }, (_, index) => makeRecord(`many-${index + 1}`));
    for (const key of records) lastUsed.note(key);
    lastUsed.startMinute(T0 + MINUTE_MS);
    for (const key of records.slice(0, 10)) lastUsed.note(key);
    await lastUsed.flush();
    expect(await readTimes(database, 'many-')).toEqual([{ time: T0, keys: 25_000 }]);
    lastUsed.startMinute(T0 + 2 * MINUTE_MS);
    await lastUsed.flush();
    const expected = [
      { time: T0, keys: 24_990 },
      { time: T0 + MINUTE_MS, keys: 10 },
    ];
    expect(await readTimes(database, 'many-')).toEqual(expected);
    const lagging = new LastUsed({ query: createQuery(database), log }, T0);
    for (const key of records) lagging.note({ ...key, notedInMinute: 0 });
    lagging.startMinute(T0);
    await lagging.flush();
    expect(await readTimes(database, 'many-')).toEqual(expected);
  });

  it('can be written by many nodes at once without a deadlock', async () => {
    await insertKeys(database, 'shared-', 2_000);
    const ids = Array.from({ length: 2_000 }, (_, index) => `shared-${index + 1}`);
    const warnings: unknown[] = [];
    const warn = (fields: unknown) => void warnings.push(fields);
    const nodes = Array.from({ length: 8 }, (_, node) => {
      const lastUsed = new LastUsed(
        { query: createQuery(database), log: { info: () => {}, warn } },
        T0 + node * MINUTE_MS,
      );
      for (const id of node % 2 === 0 ? ids : [...ids].reverse()) lastUsed.note(makeRecord(id));
      lastUsed.startMinute(T0);
      return lastUsed;
    });
    await Promise.all(nodes.map((node) => node.flush()));
    expect(warnings).toEqual([]);
    expect(await readTimes(database, 'shared-')).toEqual([{ time: T0 + 7 * MINUTE_MS, keys: 2_000 }]);
  });

  it('does not appear in the change feed', async () => {
    await insertKeys(database, 'quiet-', 10);
    const changes = async () => createQuery(database)('select count(*)::int as rows from catalog_change', []);
    const before = await changes();
    const lastUsed = new LastUsed({ query: createQuery(database), log }, T0);
    lastUsed.note(makeRecord('quiet-1'));
    lastUsed.startMinute(T0);
    await lastUsed.flush();
    expect(await readTimes(database, 'quiet-1')).toContainEqual({ time: T0, keys: 1 });
    expect(await changes()).toEqual(before);
  });

  it('is kept while Postgres is away, and written once Postgres is back', async () => {
    const dataFolder = await createTemporaryFolder();
    const quiet = { info: () => {}, warn: () => {}, error: () => {} };
    let postgres: EmbeddedPostgres = await startEmbeddedPostgres({ dataFolder, log: quiet });
    const first = await openDatabase({ url: postgres.url });
    const lines: string[] = [];
    const line = (_: object, message: string) => void lines.push(message);
    // After a restart Postgres has another port.
    let current = first;
    const query = (sql: string, parameters: readonly unknown[]) => createQuery(current)(sql, parameters);
    const lastUsed = new LastUsed({ query, log: { info: line, warn: line } }, T0);
    try {
      await migrate(first);
      await insertKeys(first, 'kept-', 2);
      await postgres.stop();
      lastUsed.note(makeRecord('kept-1'));
      lastUsed.note(makeRecord('kept-2'));
      lastUsed.startMinute(T0 + MINUTE_MS);
      await lastUsed.flush();
      lastUsed.note(makeRecord('kept-2'));
      lastUsed.startMinute(T0 + 2 * MINUTE_MS);
      await lastUsed.flush();
      expect(lines).toEqual(['writing last-used times of API keys failed; keeping them for the next attempt']);
      postgres = await startEmbeddedPostgres({ dataFolder, log: quiet });
      current = await openDatabase({ url: postgres.url });
      await lastUsed.flush();
      expect(lines.slice(1)).toEqual(['writing last-used times of API keys recovered']);
      expect(await readTimes(current, 'kept-')).toEqual([
        { time: T0, keys: 1 },
        { time: T0 + MINUTE_MS, keys: 1 },
      ]);
    } finally {
      await first.close(true);
      if (current !== first) await current.close(true);
      await postgres.stop();
    }
  });
});
