import { hash } from 'node:crypto';
import { describe, expect } from 'vitest';
import { startPostgres } from '../../../provision/postgres.ts';
import { createQuery, type Database, openDatabase } from '../../../src/database/open-database.ts';
import { ApiKeyServiceService, UpdateApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { generateApiKey } from '../../../src/identity/secrets/api-key-secret.ts';
import { check, httpStatus, parseDenial } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const PEPPER = 'the pepper of the tests';

/** On a server of its own, which counts the statements that it executes. */
const it = test
  .override('environment', { KEY_PEPPER: PEPPER })
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of other fixtures from this pattern
  .override('databaseUrl', { scope: 'file' }, async ({}, { onCleanup }) => {
    const postgres = await startPostgres({ shared_preload_libraries: 'pg_stat_statements' }, 'superuser');
    onCleanup(() => postgres.stop());
    return postgres.createDatabase();
  })
  .extend('database', { scope: 'file' }, async ({ databaseUrl }, { onCleanup }) => {
    const database = await openDatabase({ url: databaseUrl });
    onCleanup(() => database.close(true));
    return database;
  });
it.beforeAll(async ({ database, node, administrator }) => {
  await createQuery(database)('create extension pg_stat_statements', []);
  await node.createPlan(administrator, 'team', 1_000_000);
});

const query = (database: Database, sql: string, ...parameters: unknown[]) => createQuery(database)(sql, parameters);

const readCheckCode = async (node: TestNode, secret: string) => {
  const response = await check(node.decision, { 'x-api-key': secret });
  return httpStatus(response) === 200 ? 'allowed' : parseDenial(response)?.code;
};

/** Counts the statements that Postgres has executed, except those that poll the change feed. */
async function countStatements(database: Database): Promise<number> {
  const [row] = (await query(
    database,
    `select coalesce(sum(calls), 0)::int as calls from pg_stat_statements
    where query not like '%catalog_change%' and query not like '%pg_stat_statements%' and query not like '%pg_current_snapshot%'`,
  )) as { calls: number }[];
  return row?.calls ?? Number.NaN;
}

describe('a malformed API key', () => {
  it.for([
    ['with another prefix', (key: string) => key.replace('wk_live_', 'wk_test_')],
    ['without a prefix', (key: string) => key.slice(8)],
    ['with one character less', (key: string) => key.slice(0, -1)],
    ['with one character more', (key: string) => `${key}0`],
    ['with a trailing space', (key: string) => `${key} `],
    ['with a letter outside the alphabet', (key: string) => key.replace(/.$/, 'é')],
    ['with a zero byte', (key: string) => `${key.slice(0, -1)}\0`],
    ['500 times as long', (key: string) => key.repeat(500)],
    ['with SQL', () => `wk_live_' or '1'='1'; drop table api_key; --`],
  ] as const)('is rejected before any lookup: %s', async ([_, spoil], { node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'team');
    expect(await readCheckCode(node, spoil(secret))).toBe('malformed_credential');
    expect(await readCheckCode(node, secret)).toBe('allowed');
  });

  it('is rejected by its checksum, whichever character differs', async ({ node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'team');
    for (let index = 0; index < secret.length; index++) {
      const other = secret[index] === 'A' ? 'B' : 'A';
      expect(await readCheckCode(node, secret.slice(0, index) + other + secret.slice(index + 1)), `${index}`).toBe(
        'malformed_credential',
      );
    }
  });
});

describe('an API key', () => {
  it('is stored only as a digest: SHA-256 of pepper and key', async ({ node, administrator, database }) => {
    const { name, secret } = await node.createKey(administrator, 'team');
    const tables = (await query(database, `select tablename as name from pg_tables where schemaname = 'public'`)) as {
      name: string;
    }[];
    expect(tables.length).toBeGreaterThan(5);
    for (const table of tables) {
      const rows = JSON.stringify(await query(database, `select t::text from "${table.name}" t`));
      for (const part of [secret, secret.slice(8), secret.slice(8, 30)]) expect(rows, table.name).not.toContain(part);
    }
    const id = name.replace('apiKeys/', '');
    const [row] = (await query(
      database,
      `select encode(digest, 'hex') as digest from api_key where id = ?`,
      id,
    )) as object[];
    expect(row).toEqual({ digest: hash('sha256', PEPPER + secret) });
  });

  it('is shown once; later only its prefix and last four characters are', async ({ node, administrator }) => {
    const { name, secret } = await node.createKey(administrator, 'team');
    const call = node.admin.call.bind(node.admin);
    const update = UpdateApiKeyRequest.fromPartial({ apiKey: { name, displayName: 'x' }, updateMask: 'displayName' });
    const list = { pageSize: 1000, pageToken: '', filter: '', showDeleted: true };
    const got = await call(ApiKeyServiceService.getApiKey, { name }, administrator);
    expect(got.hint).toBe(`wk_live_…${secret.slice(-4)}`);
    for (const response of [
      got,
      await call(ApiKeyServiceService.listApiKeys, list, administrator),
      await call(ApiKeyServiceService.updateApiKey, update, administrator),
      await call(ApiKeyServiceService.rotateApiKey, { name, overlap: '1h' }, administrator),
    ]) {
      expect(JSON.stringify(response)).toContain(name.slice(0, 8));
      expect(JSON.stringify(response)).not.toContain(secret.slice(8, -4));
    }
  });

  it('keeps working during the overlap after a rotation, and no longer', async ({ node, administrator }) => {
    const { name, secret } = await node.createKey(administrator, 'team');
    const rotation = { name, overlap: '2s' };
    const rotated = await node.admin.call(ApiKeyServiceService.rotateApiKey, rotation, administrator);
    expect([await readCheckCode(node, secret), await readCheckCode(node, rotated.secret)]).toEqual([
      'allowed',
      'allowed',
    ]);
    await expect.poll(() => readCheckCode(node, secret), { timeout: 20_000 }).toBe('expired_credential');
    expect(await readCheckCode(node, rotated.secret)).toBe('allowed');
  });

  it('is denied when it is disabled within its overlap', async ({ node, administrator }) => {
    const { name, secret } = await node.createKey(administrator, 'team');
    await node.admin.call(ApiKeyServiceService.rotateApiKey, { name, overlap: '1h' }, administrator);
    expect(await readCheckCode(node, secret)).toBe('allowed');
    const disabling = UpdateApiKeyRequest.fromPartial({ apiKey: { name, disabled: true }, updateMask: 'disabled' });
    await node.admin.call(ApiKeyServiceService.updateApiKey, disabling, administrator);
    expect(await readCheckCode(node, secret)).toBe('disabled_credential');
  });

  it('expires by the clock of the node, without a change of the catalog', async ({ node, administrator }) => {
    const expireTime = new Date(Date.now() + 2_000);
    const { secret } = await node.createKey(administrator, 'team', { expireTime });
    const codes = new Set<string | undefined>();
    for (;;) {
      const askedAt = Date.now();
      const code = await readCheckCode(node, secret);
      const answeredAt = Date.now();
      if (answeredAt < expireTime.getTime()) expect(code).toBe('allowed');
      if (askedAt >= expireTime.getTime()) expect(code).toBe('expired_credential');
      codes.add(code);
      if (askedAt >= expireTime.getTime()) break;
    }
    expect(codes).toEqual(new Set(['allowed', 'expired_credential']));
  });

  it('costs no database query, whether it is unknown, malformed or valid', async ({
    node,
    administrator,
    database,
  }) => {
    const { secret } = await node.createKey(administrator, 'team');
    const unknown = Array.from({ length: 2_000 }, () => generateApiKey());
    const before = await countStatements(database);
    const codes = await Promise.all([...unknown, 'garbage', secret].map((presented) => readCheckCode(node, presented)));
    expect(new Set(codes.slice(0, 2_000))).toEqual(new Set(['unknown_credential']));
    expect(codes.slice(2_000)).toEqual(['malformed_credential', 'allowed']);
    // Background work, such as noting which keys were used, executes a few statements at most.
    const byItself = (await countStatements(database)) - before;
    expect(byItself).toBeLessThan(50);
    for (let time = 0; time < 50; time++)
      await node.admin.callAndFail(AuthServiceService.refreshToken, {
        refreshToken: `wr_${'a'.repeat(32)}.${'b'.repeat(32)}`,
      });
    expect((await countStatements(database)) - before - byItself).toBeGreaterThanOrEqual(50);
  });
});

describe('the key pepper', () => {
  it('accepts keys of a previous pepper while it is configured, and creates keys with the newest', async ({
    node,
    administrator,
    startNode,
  }) => {
    const old = await node.createKey(administrator, 'team');
    const newest = { KEY_PEPPER: 'a pepper that is newer' };
    const unpeppered = await startNode({ KEY_PEPPER: '' });
    const older = await unpeppered.createKey(administrator, 'team');
    const changed = await startNode({ ...newest, KEY_PEPPER_PREVIOUS: `${PEPPER}\nnone` });
    const alone = await startNode(newest);
    const made = await changed.createKey(administrator, 'team');
    await expect.poll(() => readCheckCode(alone, made.secret)).toBe('allowed');
    for (const { secret } of [old, older, made]) expect(await readCheckCode(changed, secret)).toBe('allowed');
    for (const { secret } of [old, older]) expect(await readCheckCode(alone, secret)).toBe('unknown_credential');
    await expect.poll(() => readCheckCode(node, older.secret)).toBe('unknown_credential');
    expect(await readCheckCode(node, made.secret)).toBe('unknown_credential');
  });
});
