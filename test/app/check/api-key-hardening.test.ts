import { hash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../provision/postgres.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../src/database/embedded/embedded-postgres.ts';
import { createQuery, type Database, openDatabase } from '../../../src/database/open-database.ts';
import { ApiKeyServiceService, UpdateApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { makeApiKey } from '../../../src/identity/secrets/api-key-secret.ts';
import { check, httpStatus, parseDenial } from '../../support/decision-calls.ts';
import type { Headers } from '../../support/grpc-client.ts';
import { TestNode } from '../../support/node.ts';

/** Of them more: allowed networks stand in key-conditions.test.ts, failures per source in edge.test.ts. */
const PEPPER = 'the pepper of the tests';

let folder: string;
let postgres: EmbeddedPostgres;
let database: Database;
let node: TestNode;
let administrator: Headers;

beforeAll(async () => {
  folder = await temporaryFolder();
  const quiet = { info: () => {}, warn: () => {}, error: () => {} };
  const settings = { fsync: 'off', shared_preload_libraries: 'pg_stat_statements' };
  postgres = await startEmbeddedPostgres({ dataFolder: folder, log: quiet, settings });
  database = await openDatabase({ url: postgres.url });
  await query('create extension pg_stat_statements');
  node = await TestNode.start({ DATABASE_URL: postgres.url, KEY_PEPPER: PEPPER });
  administrator = await node.signIn();
  await node.createPlan(administrator, 'team', 1_000_000);
});
afterAll(async () => {
  await node?.stop();
  await database?.close(true);
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

const query = (sql: string, ...parameters: unknown[]) => createQuery(database)(sql, parameters);

const codeOf = async (secret: string, of = node) => {
  const answer = await check(of.decision, { 'x-api-key': secret });
  return httpStatus(answer) === 200 ? 'allowed' : parseDenial(answer)?.code;
};

/** Statements that Postgres has executed, without those that follow the change feed, which go on by themselves. */
async function statements(): Promise<number> {
  const [row] = (await query(
    `select coalesce(sum(calls), 0)::int as calls from pg_stat_statements
    where query not like '%catalog_change%' and query not like '%pg_stat_statements%' and query not like '%pg_current_snapshot%'`,
  )) as { calls: number }[];
  return row?.calls ?? Number.NaN;
}

describe('garbage is refused before any look-up', () => {
  it.each([
    ['another prefix', (key: string) => key.replace('wk_live_', 'wk_test_')],
    ['no prefix', (key: string) => key.slice(8)],
    ['a character less', (key: string) => key.slice(0, -1)],
    ['a character more', (key: string) => `${key}0`],
    ['a blank', (key: string) => `${key} `],
    ['other letters', (key: string) => key.replace(/.$/, 'é')],
    ['zero bytes', (key: string) => `${key.slice(0, -1)}\0`],
    ['much too much', (key: string) => key.repeat(500)],
    ['SQL', () => `wk_live_' or '1'='1'; drop table api_key; --`],
  ])('with %s', async (_, spoil) => {
    const { secret } = await node.createKey(administrator, 'team');
    expect(await codeOf(spoil(secret))).toBe('malformed_credential');
    expect(await codeOf(secret)).toBe('allowed');
  });

  it('by its checksum, whichever character is another', async () => {
    const { secret } = await node.createKey(administrator, 'team');
    for (let at = 0; at < secret.length; at++) {
      const other = secret[at] === 'A' ? 'B' : 'A';
      expect(await codeOf(secret.slice(0, at) + other + secret.slice(at + 1)), `${at}`).toBe('malformed_credential');
    }
  });
});

describe('an API key', () => {
  it('is stored as a digest only: SHA-256 over pepper and key', async () => {
    const { name, secret } = await node.createKey(administrator, 'team');
    const tables = (await query(`select tablename as name from pg_tables where schemaname = 'public'`)) as {
      name: string;
    }[];
    expect(tables.length).toBeGreaterThan(5);
    for (const table of tables) {
      const rows = JSON.stringify(await query(`select t::text from "${table.name}" t`));
      for (const part of [secret, secret.slice(8), secret.slice(8, 30)]) expect(rows, table.name).not.toContain(part);
    }
    const id = name.replace('apiKeys/', '');
    const [row] = (await query(`select encode(digest, 'hex') as digest from api_key where id = ?`, id)) as object[];
    expect(row).toEqual({ digest: hash('sha256', PEPPER + secret) });
  });

  it('is shown once, and afterwards by its prefix and last four', async () => {
    const { name, secret } = await node.createKey(administrator, 'team');
    const call = node.admin.call.bind(node.admin);
    const update = UpdateApiKeyRequest.fromPartial({ apiKey: { name, displayName: 'x' }, updateMask: 'displayName' });
    const list = { pageSize: 1000, pageToken: '', filter: '', showDeleted: true };
    const got = await call(ApiKeyServiceService.getApiKey, { name }, administrator);
    expect(got.hint).toBe(`wk_live_…${secret.slice(-4)}`);
    for (const answer of [
      got,
      await call(ApiKeyServiceService.listApiKeys, list, administrator),
      await call(ApiKeyServiceService.updateApiKey, update, administrator),
      await call(ApiKeyServiceService.rotateApiKey, { name, overlap: '1h' }, administrator),
    ]) {
      expect(JSON.stringify(answer)).toContain(name.slice(0, 8));
      expect(JSON.stringify(answer)).not.toContain(secret.slice(8, -4));
    }
  });

  it('that is rotated works for its overlap beside the new one, and no longer', async () => {
    const { name, secret } = await node.createKey(administrator, 'team');
    const rotation = { name, overlap: '2s' };
    const rotated = await node.admin.call(ApiKeyServiceService.rotateApiKey, rotation, administrator);
    expect([await codeOf(secret), await codeOf(rotated.secret)]).toEqual(['allowed', 'allowed']);
    await expect.poll(() => codeOf(secret), { timeout: 10_000 }).toBe('expired_credential');
    expect(await codeOf(rotated.secret)).toBe('allowed');
  });

  it('that is disabled within its overlap is refused: disabling beats overlap', async () => {
    const { name, secret } = await node.createKey(administrator, 'team');
    await node.admin.call(ApiKeyServiceService.rotateApiKey, { name, overlap: '1h' }, administrator);
    expect(await codeOf(secret)).toBe('allowed');
    const disabling = UpdateApiKeyRequest.fromPartial({ apiKey: { name, disabled: true }, updateMask: 'disabled' });
    await node.admin.call(ApiKeyServiceService.updateApiKey, disabling, administrator);
    expect(await codeOf(secret)).toBe('disabled_credential');
  });

  it('expires at the decision, not at some change that has to arrive', async () => {
    const expireTime = new Date(Date.now() + 2_000);
    const { secret } = await node.createKey(administrator, 'team', { expireTime });
    const codes = new Set<string | undefined>();
    for (;;) {
      const asked = Date.now();
      const code = await codeOf(secret);
      const answered = Date.now();
      if (answered < expireTime.getTime()) expect(code).toBe('allowed');
      if (asked >= expireTime.getTime()) expect(code).toBe('expired_credential');
      codes.add(code);
      if (asked >= expireTime.getTime()) break;
    }
    expect(codes).toEqual(new Set(['allowed', 'expired_credential']));
  });

  it('that nobody has costs no query, nor does garbage or a good one', async () => {
    const { secret } = await node.createKey(administrator, 'team');
    const unknown = Array.from({ length: 2_000 }, () => makeApiKey());
    const before = await statements();
    const codes = await Promise.all([...unknown, 'garbage', secret].map((each) => codeOf(each)));
    expect(new Set(codes.slice(0, 2_000))).toEqual(new Set(['unknown_credential']));
    expect(codes.slice(2_000)).toEqual(['malformed_credential', 'allowed']);
    // What goes on by itself, such as noting which keys were used, is some statements at most.
    const byItself = (await statements()) - before;
    expect(byItself).toBeLessThan(50);
    for (let time = 0; time < 50; time++)
      await node.admin.callAndFail(AuthServiceService.refreshToken, {
        refreshToken: `wr_${'a'.repeat(32)}.${'b'.repeat(32)}`,
      });
    expect((await statements()) - before - byItself).toBeGreaterThanOrEqual(50);
  });
});

describe('the pepper has versions, newest tried first', () => {
  const start = (environment: Record<string, string>) => TestNode.start({ DATABASE_URL: postgres.url, ...environment });

  it('a key made by one before works as long as that is known, and keys are made by the newest', async () => {
    const old = await node.createKey(administrator, 'team');
    const newest = { KEY_PEPPER: 'a pepper that is newer' };
    const unpeppered = await start({});
    const older = await unpeppered.createKey(administrator, 'team');
    const changed = await start({ ...newest, KEY_PEPPER_PREVIOUS: `${PEPPER}\nnone` });
    const alone = await start(newest);
    try {
      const made = await changed.createKey(administrator, 'team');
      await expect.poll(() => codeOf(made.secret, alone)).toBe('allowed');
      for (const { secret } of [old, older, made]) expect(await codeOf(secret, changed)).toBe('allowed');
      for (const { secret } of [old, older]) expect(await codeOf(secret, alone)).toBe('unknown_credential');
      await expect.poll(() => codeOf(older.secret)).toBe('unknown_credential');
      expect(await codeOf(made.secret)).toBe('unknown_credential');
    } finally {
      for (const each of [changed, alone, unpeppered]) await each.stop();
    }
  });
});
