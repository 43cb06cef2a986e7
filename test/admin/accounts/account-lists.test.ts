import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createQuery } from '../../../src/database/open-database.ts';
import { Account } from '../../../src/generated/weir/admin/v1/account.ts';
import { AccountServiceService } from '../../../src/generated/weir/admin/v1/account_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { newDatabase } from '../../support/databases.ts';
import { ADMIN, createClient, expectFailure, startAdminNode } from '../admin-node.ts';
import { rowsRead } from '../rows-read.ts';

let node: Awaited<ReturnType<typeof startAdminNode>>;
let accounts: ReturnType<typeof createClient<typeof AccountServiceService>>;
let admin: { authorization: string };

/** Time of the first accounts. All others are younger. */
const LONG_AGO = '2020-01-31T12:00:00Z';
const SIGN_IN = '2026-03-01T10:00:00Z';

beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
  accounts = createClient(AccountServiceService, node.address);
  const auth = createClient(AuthServiceService, node.address);
  admin = { authorization: `Bearer ${(await auth.login(ADMIN)).accessToken}` };
  auth.close();
  const create = (accountId: string, fields: Partial<Account> = {}) =>
    accounts.createAccount({ accountId, account: Account.create(fields) }, admin);
  await create('ada', { email: 'Ada@Example.com', plan: 'plans/pro', role: 'admin' });
  await create('ann', { email: 'ann_100%@acme.example', plan: 'plans/pro', disabled: true });
  await create('bob', { email: 'bob@acme.example' });
  await create('no-address', { disabled: true });
  await create('deleted', { email: 'deleted@acme.example', plan: 'plans/pro' });
  await accounts.deleteAccount({ name: 'accounts/deleted' }, admin);
  const query = createQuery(node.database);
  await query(`update account set create_time = ? where id in ('ada', 'ann')`, [LONG_AGO]);
  await query(`update account set last_sign_in_time = null where email = ?`, [ADMIN.email]);
  await query(`update account set last_sign_in_time = ? where id in ('ada', 'bob')`, [SIGN_IN]);
});
afterAll(async () => {
  accounts?.close();
  await node?.stop();
});

/** The ids of the listed accounts, with `admin` for the administrator of the node. */
const list = async (request: { filter?: string; showDeleted?: boolean }) => {
  const listed = await accounts.listAccounts(request, admin);
  return listed.accounts
    .map(({ name, email }) => (email === ADMIN.email ? 'admin' : name.replace('accounts/', '')))
    .sort();
};

describe('a filter of ListAccounts', () => {
  it.for<[filter: string, ...ids: string[]]>([
    ['', 'ada', 'admin', 'ann', 'bob', 'no-address'],
    ['email = "ADA@example.com"', 'ada'],
    ['email = "ada"'],
    ['email = ""', 'no-address'],
    ['email : "@ACME.example"', 'ann', 'bob'],
    ['email : "bob"', 'bob'],
    ['email : "ann_100%"', 'ann'],
    ['email : "a%"'],
    ['email : "acme"'],
    ['plan = "plans/pro"', 'ada', 'ann'],
    ['plan = plans/free', 'admin', 'bob', 'no-address'],
    ['role = admin', 'ada', 'admin'],
    ['role = "user"', 'ann', 'bob', 'no-address'],
    ['disabled = true', 'ann', 'no-address'],
    ['disabled = false AND role = user', 'bob'],
    ['email_verified = true'],
    ['emailVerified = false AND role = admin', 'ada', 'admin'],
    ['createTime < "2021-01-01T00:00:00Z"', 'ada', 'ann'],
    [`create_time <= "${LONG_AGO}" AND create_time >= "${LONG_AGO}"`, 'ada', 'ann'],
    [`create_time > "${LONG_AGO}"`, 'admin', 'bob', 'no-address'],
    [`last_sign_in_time <= "${SIGN_IN}"`, 'ada', 'bob'],
    [`lastSignInTime < "${SIGN_IN}"`],
    ['last_sign_in_time = ""', 'admin', 'ann', 'no-address'],
  ])('%j selects exactly the accounts that meet it', async ([filter, ...ids]) => {
    expect(await list({ filter })).toEqual(ids);
  });

  it('does not select deleted accounts unless the request says so', async () => {
    expect(await list({ showDeleted: true })).toContain('deleted');
    expect(await list({ filter: 'plan = "plans/pro"', showDeleted: true })).toEqual(['ada', 'ann', 'deleted']);
    expect(await list({ filter: 'email = ""', showDeleted: true })).toEqual(['deleted', 'no-address']);
  });

  it.for([
    [
      'name = "ada"',
      'must filter by one of email, plan, role, disabled, email_verified, create_time, last_sign_in_time (got "name")',
    ],
    ['email > "ada"', 'must compare email with one of = : (got ">")'],
    ['email : ""', 'must search email for at least one character'],
    ['plan = pro', 'must compare plan with plans/{id} (got "pro")'],
    ['plan = ""', 'must compare plan with plans/{id} (got "")'],
    ['role = root', 'must compare role with admin or user (got "root")'],
    ['disabled = 1', 'must compare disabled with true or false (got "1")'],
    ['create_time = ""', 'must compare create_time with one of < <= > >= (got "=")'],
    ['last_sign_in_time = "today"', 'must compare last_sign_in_time by = only with "" (got "today")'],
    [
      'last_sign_in_time > yesterday',
      'must compare last_sign_in_time with a time such as "2030-01-31T00:00:00Z" (got "yesterday")',
    ],
    ['disabled = true OR role = admin', 'must have AND at character 17 (got "OR")'],
  ])('is rejected if it is %s, and the description says why', async ([filter = '', message]) => {
    const failure = await expectFailure(accounts.listAccounts({ filter }, admin));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['filter'] });
    expect(failure.message).toBe(`filter: ${message}`);
  });

  it('names all faults of a request', async () => {
    const request = { filter: 'role = root AND name = "x" AND plan = pro', pageSize: -1, pageToken: '!' };
    const failure = await expectFailure(accounts.listAccounts(request, admin));
    expect([...failure.fields].sort()).toEqual(['filter', 'filter', 'filter', 'page_size', 'page_token']);
  });

  it('applies to all pages, and a page token of another list is rejected', async () => {
    const filter = 'role = user';
    const paged: string[] = [];
    let pageToken = '';
    do {
      const page = await accounts.listAccounts({ filter, pageSize: 1, pageToken }, admin);
      paged.push(...page.accounts.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(paged).toEqual(['accounts/ann', 'accounts/bob', 'accounts/no-address']);
    const { nextPageToken } = await accounts.listAccounts({ filter, pageSize: 1 }, admin);
    for (const other of [{}, { filter: 'role = admin' }, { filter, showDeleted: true }]) {
      const failure = await expectFailure(accounts.listAccounts({ ...other, pageToken: nextPageToken }, admin));
      expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['page_token'] });
    }
  });

  it('reads only a few rows of many accounts', async () => {
    const query = createQuery(node.database);
    // Otherwise the catalog would follow the feed and read all of them.
    await query('alter table account disable trigger user', []);
    // One account in a thousand differs from the others. A tenth of them has the plan pro, another tenth is disabled.
    await query(
      `insert into account (id, email, role, plan_id, disabled, email_verified, create_time, update_time, last_sign_in_time)
       select gen_random_uuid()::text, case when rare then 'rare' || i || '@rare.example' else i || '@common.example' end,
         case when rare then 'admin' else 'user' end, case when rare then 'enterprise' when i % 10 = 1 then 'pro' else 'free' end, rare or i % 10 = 2, rare,
         case when rare then timestamptz '2019-01-01' else now() end, now(),
         case when rare then timestamptz '2019-01-02' else now() end
       from generate_series(1, 50000) i, lateral (select i % 1000 = 0 as rare) r`,
      [],
    );
    await query('vacuum analyze account', []);
    for (const filter of [
      ...['email : "rare"', 'email : "@rare.example"', 'plan = "plans/enterprise"', 'disabled = true AND role = admin'],
      'email_verified = true',
      ...['create_time < "2019-12-31T00:00:00Z"', 'last_sign_in_time < "2019-12-31T00:00:00Z"'],
    ]) {
      const before = await rowsRead(query, 'account');
      expect((await accounts.listAccounts({ filter }, admin)).accounts.length, filter).toBe(50);
      expect((await rowsRead(query, 'account')) - before, filter).toBeLessThan(10_000);
    }
    const before = await rowsRead(query, 'account');
    const disabled = await list({ filter: 'plan = "plans/pro" AND disabled = true AND role = user' });
    expect(disabled).toEqual(['ann']);
    expect((await rowsRead(query, 'account')) - before).toBeLessThan(5_000);
  });
});
