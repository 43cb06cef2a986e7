import { randomBytes, randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createQuery } from '../../../src/database/open-database.ts';
import {
  ApiKey,
  ApiKeyServiceService,
  ImportApiKeysRequest,
} from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { newDatabase } from '../../support/databases.ts';
import { ADMIN, createClient, createUser, expectFailure, startAdminNode } from '../admin-node.ts';
import { rowsRead } from '../rows-read.ts';

const USER = { email: 'user@example.com', password: 'another horse', id: randomUUID() };
const DAY_MS = 86_400_000;

let node: Awaited<ReturnType<typeof startAdminNode>>;
let keys: ReturnType<typeof createClient<typeof ApiKeyServiceService>>;
let admin: { authorization: string };
let user: { authorization: string };

beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
  keys = createClient(ApiKeyServiceService, node.address);
  const auth = createClient(AuthServiceService, node.address);
  await createUser(node.database, USER);
  const signIn = async (credentials: { email: string; password: string }) => {
    return { authorization: `Bearer ${(await auth.login(credentials)).accessToken}` };
  };
  admin = await signIn(ADMIN);
  user = await signIn(USER);
  auth.close();
  await makeKeys();
});
afterAll(async () => {
  keys.close();
  await node.stop();
});

const make = async (fields: Partial<ApiKey>) => {
  const { apiKey } = await keys.createApiKey({ apiKey: ApiKey.create(fields) }, admin);
  return apiKey ?? expect.fail('the response has no key');
};

/** The tests identify the keys by their display names. */
async function makeKeys(): Promise<void> {
  const account = `accounts/${USER.id}`;
  const soon = new Date(Date.now() + DAY_MS);
  await make({ displayName: 'Nightly-builds, Zürich', plan: 'plans/pro' });
  await make({ displayName: 'night_shift of builder@example.com', expireTime: new Date(Date.now() + 2 * DAY_MS) });
  await make({ displayName: "it's 100% (off)", disabled: true, plan: 'plans/pro' });
  await make({ displayName: "user's", account });
  await make({ displayName: "user's off", account, disabled: true, expireTime: soon });
  const deleted = await make({ displayName: 'deleted build', account, plan: 'plans/pro' });
  await keys.deleteApiKey({ name: deleted.name }, admin);
  const rotated = await make({ displayName: 'rotated' });
  await keys.rotateApiKey({ name: rotated.name, overlap: '1h' }, admin);
  const digest = randomBytes(32).toString('hex');
  const imported = { digest, algorithm: 'sha256', prefix: '100%_', hint: 'Zü\\9', displayName: 'imported' };
  await keys.importApiKeys(ImportApiKeysRequest.fromPartial({ apiKeys: [imported] }), admin);
  const query = createQuery(node.database);
  const use = 'update api_key set last_used_time = ?::timestamptz where display_name = ?';
  await query(use, [LAST_USES[0], "user's"]);
  await query(use, [LAST_USES[1], "user's off"]);
  await query(`update api_key set create_time = '2020-01-31T12:00:00Z' where display_name = 'imported'`, []);
}

const listed = async (request: { filter?: string; showDeleted?: boolean }, as = admin) => {
  const { apiKeys } = await keys.listApiKeys(request, as);
  return apiKeys.map(({ displayName }) => displayName).sort();
};

const FIELDS = 'account, plan, disabled, display_name, hint, create_time, expire_time, last_used_time';
const LAST_USES = ['2026-03-01T10:00:00Z', '2026-03-01T23:59:00Z'];

const OFF = ["it's 100% (off)", "user's off"];
const day = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();

describe('a filter of ListApiKeys', () => {
  it.each([
    [`account = "accounts/${USER.id}"`, ["user's", "user's off"]],
    [`account = accounts/${USER.id} AND disabled = true`, ["user's off"]],
    [`account = "accounts/${randomUUID()}"`, []],
    ['plan = "plans/pro"', ['Nightly-builds, Zürich', "it's 100% (off)"]],
    ['plan = "" AND disabled = true', ["user's off"]],
    ['disabled = true', OFF],
    ['disabled = true AND disabled = false', []],
    ['display_name : night', ['Nightly-builds, Zürich', 'night_shift of builder@example.com']],
    ['display_name : "BUILD night"', ['Nightly-builds, Zürich', 'night_shift of builder@example.com']],
    ['displayName : "example.com"', ['night_shift of builder@example.com']],
    ['display_name : "zür"', ['Nightly-builds, Zürich']],
    ['display_name : "ightly"', []],
    [`display_name : "it's 100% (o"`, ["it's 100% (off)"]],
    [String.raw`display_name : "user':* | !x\\ & <-> \" 0"`, []],
    [`expire_time < "${day(1.5)}"`, ['rotated', "user's off"]],
    [
      `expireTime >= "${day(0.5)}" AND expireTime <= "${day(3).replace('Z', '+00:00')}"`,
      ['night_shift of builder@example.com', "user's off"],
    ],
    [`expire_time > "${day(10)}"`, []],
    [String.raw`hint = "100%_…Zü\\9"`, ['imported']],
    ['hint = "100%_"', []],
    ['hint : "100%_"', ['imported']],
    ['hint : "100"', ['imported']],
    [String.raw`hint : "Zü\\9"`, ['imported']],
    [String.raw`hint : "ü\\9"`, ['imported']],
    ['hint : "Zü"', []],
    ['hint : "%"', []],
    ['hint : "_"', []],
    ['hint : "wk_live_" AND disabled = true', OFF],
    ['create_time < "2020-02-01T00:00:00Z"', ['imported']],
    ['create_time <= "2020-01-31T12:00:00Z"', ['imported']],
    ['createTime < "2020-01-31T12:00:00Z"', []],
    [`create_time > "${day(-1)}" AND disabled = true`, OFF],
    ['last_used_time < "2026-03-02T00:00:00Z"', ["user's", "user's off"]],
    ['last_used_time < "2026-03-01T12:00:00Z"', ["user's"]],
    ['last_used_time >= "2026-03-01T23:59:00Z"', ["user's off"]],
    ['last_used_time > "2026-03-01T23:59:00Z"', []],
    ['lastUsedTime >= "2026-03-02T00:30:00+05:00"', ["user's off"]],
    ['last_used_time = "" AND disabled = true', ["it's 100% (off)"]],
  ])('selects keys by %s', async (filter, names) => {
    expect(await listed({ filter })).toEqual([...names].sort());
  });

  it.each([
    ['colour = "red"', `must filter by one of ${FIELDS} (got "colour")`],
    ['constructor = 1', `must filter by one of ${FIELDS} (got "constructor")`],
    ['hint > "a"', 'must compare hint with one of = : (got ">")'],
    ['hint : ""', 'must search hint for at least one character'],
    ['create_time : "2026"', 'must compare create_time with one of < <= > >= (got ":")'],
    ['create_time > 2026', 'must compare create_time with a time such as "2030-01-31T00:00:00Z" (got "2026")'],
    ['last_used_time = "never"', 'must compare last_used_time by = only with "" (got "never")'],
    ['last_used_time < ""', 'must compare last_used_time with a time such as "2030-01-31T00:00:00Z" (got "")'],
    ['disabled = maybe', 'must compare disabled with true or false (got "maybe")'],
    ['disabled != true', 'must compare disabled with = (got "!=")'],
    ['display_name = "x"', 'must compare display_name with : (got "=")'],
    ['display_name : "-"', 'must search display_name for at least one letter or digit (got "-")'],
    ['plan = pro', 'must compare plan with plans/{id} (got "pro")'],
    ['account = "accounts/\' or 1=1"', 'must compare account with accounts/{id} (got "accounts/\' or 1=1")'],
    [
      'expire_time < "tomorrow"',
      'must compare expire_time with a time such as "2030-01-31T00:00:00Z" (got "tomorrow")',
    ],
    [
      'expire_time < "2026-02-30T00:00:00"',
      'must compare expire_time with a time such as "2030-01-31T00:00:00Z" (got "2026-02-30T00:00:00")',
    ],
    ['disabled = true OR disabled = false', 'must have AND at character 17 (got "OR")'],
  ])('is rejected if it is %s, and the description says why', async (filter, message) => {
    const failure = await expectFailure(keys.listApiKeys({ filter }, admin));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['filter'] });
    expect(failure.message).toContain(`filter: ${message}`);
  });

  it('does not show the keys of other accounts', async () => {
    const { apiKeys } = await keys.listApiKeys({ pageSize: 1 }, admin);
    for (const filter of ['', 'disabled = true', `account = "${apiKeys[0]?.account}"`, 'plan = "plans/pro"']) {
      for (const showDeleted of [false, true]) {
        const names = await listed({ filter, showDeleted }, user);
        expect(names.filter((name) => !["user's", "user's off", 'deleted build'].includes(name))).toEqual([]);
      }
    }
    expect(await listed({ filter: 'disabled = true' }, user)).toEqual(["user's off"]);
  });

  it('applies to show_deleted as well, which returns the time of the deletion', async () => {
    const { apiKeys } = await keys.listApiKeys({ filter: 'display_name : build', showDeleted: true }, admin);
    const deleted = apiKeys.filter(({ deleteTime }) => deleteTime !== undefined);
    expect(apiKeys.length).toBe(3);
    expect(deleted.map(({ displayName }) => displayName)).toEqual(['deleted build']);
    expect((await listed({})).includes('deleted build')).toBe(false);
  });

  it('applies to all pages, and a page token of another list is rejected', async () => {
    const filter = 'disabled = false';
    const all = await keys.listApiKeys({ filter }, admin);
    const paged: string[] = [];
    let pageToken = '';
    do {
      const page = await keys.listApiKeys({ filter, pageSize: paged.length + 1, pageToken }, admin);
      paged.push(...page.apiKeys.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(paged).toEqual(all.apiKeys.map(({ name }) => name));

    const { nextPageToken } = await keys.listApiKeys({ filter, pageSize: 1 }, admin);
    const { nextPageToken: ofAll } = await keys.listApiKeys({ pageSize: 1 }, admin);
    for (const other of [
      { pageToken: nextPageToken },
      { pageToken: nextPageToken, filter: 'disabled = true' },
      { pageToken: nextPageToken, filter, showDeleted: true },
      { pageToken: ofAll, filter },
      { pageToken: `${nextPageToken}AAAA`, filter },
    ]) {
      const failure = await expectFailure(keys.listApiKeys(other, admin));
      expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['page_token'] });
    }
  });

  it('does not show the keys of other accounts for a page token of another caller’s list', async () => {
    const { nextPageToken } = await keys.listApiKeys({ pageSize: 1 }, admin);
    const [, suffix] = Buffer.from(nextPageToken, 'base64url').toString().split(' ');
    const forged = Buffer.from(`00000000-0000-0000-0000-000000000000 ${suffix}`).toString('base64url');
    for (const pageToken of [nextPageToken, forged]) {
      const { apiKeys } = await keys.listApiKeys({ pageToken }, user);
      expect(new Set(apiKeys.map(({ account }) => account))).toEqual(new Set([`accounts/${USER.id}`]));
    }
  });
});

describe('ListApiKeys', () => {
  it('reads only a few rows of many keys for a filter', async () => {
    const database = await startAdminNode(await newDatabase());
    const many = createClient(ApiKeyServiceService, database.address);
    const auth = createClient(AuthServiceService, database.address);
    const query = createQuery(database.database);
    try {
      const as = { authorization: `Bearer ${(await auth.login(ADMIN)).accessToken}` };
      const [account] = (await query('select id from account', [])) as { id: string }[];
      const other = randomUUID();
      await query(
        `insert into account (id, email, password_hash, role, plan_id, create_time, update_time)
      values (?, 'x@example.com', '', 'user', 'free', now(), now())`,
        [other],
      );
      // Otherwise the catalog would follow the feed and read all of them.
      await query('alter table api_key disable trigger user', []);
      // One key in a thousand differs from the others.
      await query(
        `insert into api_key (id, digest, hint, counter_id, display_name, account_id, plan_id, disabled, expire_time,
        create_time, update_time, last_used_time, last_used_day)
      select gen_random_uuid()::text, sha256(i::text::bytea), case when rare then 'acme_…' else 'wk_live_…' end || i, '', case when rare then 'nightly builds' else 'key ' || i end,
        case when rare then ? else ? end, case when rare then 'pro' end, rare,
        case when rare then now() + interval '1 hour' else now() + interval '1 year' end, time, now(), time, time
      from generate_series(1, 50000) i, lateral (select i % 1000 = 0 as rare) r,
        lateral (select now() - case when rare then interval '2 years' else '1 hour' end as time) t`,
        [other, account?.id],
      );
      await query('vacuum analyze api_key', []);
      for (const filter of [
        `account = "accounts/${other}"`,
        'plan = "plans/pro"',
        'disabled = true',
        'display_name : "night"',
        'display_name : "night build"',
        'disabled = true AND display_name : "builds"',
        'hint : "acme_"',
        'hint : "000"',
        `expire_time < "${day(1)}"`,
        `create_time < "${day(-1)}"`,
        `last_used_time < "${day(-1)}"`,
      ]) {
        const before = await rowsRead(query, 'api_key');
        expect((await many.listApiKeys({ filter }, as)).apiKeys.length, filter).toBe(50);
        expect((await rowsRead(query, 'api_key')) - before, filter).toBeLessThan(10_000);
      }
    } finally {
      many.close();
      auth.close();
      await database.stop();
    }
  });
});
