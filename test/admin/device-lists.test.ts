import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createQuery } from '../../src/database/open-database.ts';
import { Account } from '../../src/generated/weir/admin/v1/account.ts';
import { AccountServiceService } from '../../src/generated/weir/admin/v1/account_service.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { Device, DeviceServiceService } from '../../src/generated/weir/admin/v1/device_service.ts';
import { newDatabase } from '../support/databases.ts';
import { ADMIN, createClient, expectFailure, startAdminNode } from './admin-node.ts';
import { rowsRead } from './rows-read.ts';

const LAST_SEEN = '2026-03-01T10:00:00Z';
const ALL_ACCOUNTS = 'accounts/-';

let node: Awaited<ReturnType<typeof startAdminNode>>;
let devices: ReturnType<typeof createClient<typeof DeviceServiceService>>;
let admin: { authorization: string };
let ann: { authorization: string };

beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
  devices = createClient(DeviceServiceService, node.address);
  const accounts = createClient(AccountServiceService, node.address);
  const auth = createClient(AuthServiceService, node.address);
  const signIn = async (credentials: typeof ADMIN) => {
    return { authorization: `Bearer ${(await auth.login(credentials)).accessToken}` };
  };
  admin = await signIn(ADMIN);
  const credentials = { email: 'ann@example.com', password: 'the password of a holder' };
  for (const [accountId, email] of [
    ['ann', credentials.email],
    ['bob', 'bob@example.com'],
  ] as const) {
    await accounts.createAccount(
      { accountId, account: Account.create({ email }), password: credentials.password },
      admin,
    );
  }
  ann = await signIn(credentials);
  const create = (parent: string, name: string, fields: Partial<Device> = {}) =>
    devices.createDevice({ parent, headerValue: name, device: Device.create({ displayName: name, ...fields }) }, admin);
  await create('accounts/ann', 'phone');
  await create('accounts/ann', 'lost', { blocked: true });
  await create('accounts/bob', 'phone');
  await create('accounts/corp%3Ajoe', 'desk');
  await create('', 'nobody', { blocked: true });
  const query = createQuery(node.database);
  await query(`update device set last_seen_time = ? where display_name in ('phone', 'nobody')`, [LAST_SEEN]);
  await query(`update device set last_attempt_time = ? where blocked`, [LAST_SEEN]);
  for (const client of [accounts, auth]) client.close();
});
afterAll(async () => {
  devices?.close();
  await node?.stop();
});

/** The listed devices, as the id of the account and the display name. */
const list = async (request: { parent: string; filter?: string }, as = admin) => {
  const listed = (await devices.listDevices(request, as)).devices;
  return listed.map(({ name, displayName }) => `${name.split('/').at(-3) ?? ''} ${displayName}`).sort();
};

describe('a filter of ListDevices', () => {
  it.for<[filter: string, ...devices: string[]]>([
    ['', 'ann lost', 'ann phone', 'bob phone', 'corp%3Ajoe desk'],
    ['blocked = true', 'ann lost'],
    ['blocked = false', 'ann phone', 'bob phone', 'corp%3Ajoe desk'],
    ['display_name = "phone"', 'ann phone', 'bob phone'],
    ['displayName = "phon"'],
    [`last_seen_time <= "${LAST_SEEN}"`, 'ann phone', 'bob phone'],
    [`last_seen_time < "${LAST_SEEN}"`],
    ['lastSeenTime > "2026-03-01T09:00:00Z"', 'ann phone', 'bob phone'],
    ['last_seen_time = ""', 'ann lost', 'corp%3Ajoe desk'],
    [`last_attempt_time >= "${LAST_SEEN}" AND blocked = true`, 'ann lost'],
    ['last_attempt_time = ""', 'ann phone', 'bob phone', 'corp%3Ajoe desk'],
  ])('%j selects exactly the devices of all accounts that meet it', async ([filter, ...names]) => {
    expect(await list({ parent: ALL_ACCOUNTS, filter })).toEqual(names);
  });

  it('selects among the devices of one account, and among those without a credential', async () => {
    const filter = `last_seen_time >= "${LAST_SEEN}"`;
    expect(await list({ parent: 'accounts/ann', filter }, ann)).toEqual(['ann phone']);
    expect(await list({ parent: '', filter })).toEqual([' nobody']);
  });

  it('is rejected together with the other faults of the request', async () => {
    const request = { parent: 'accounts/', filter: 'name = "x" AND blocked = 1', pageSize: -1, pageToken: '!' };
    const failure = await expectFailure(devices.listDevices(request, admin));
    const fields = ['filter', 'filter', 'page_size', 'page_token', 'parent'];
    expect({ code: failure.code, fields: [...failure.fields].sort() }).toEqual({
      code: status.INVALID_ARGUMENT,
      fields,
    });
  });
});

describe('the devices of all accounts', () => {
  it('are listed to administrators alone', async () => {
    const failure = await expectFailure(devices.listDevices({ parent: ALL_ACCOUNTS }, ann));
    expect(failure).toMatchObject({ code: status.PERMISSION_DENIED, reason: 'NOT_ADMINISTRATOR' });
    const creation = devices.createDevice({ parent: ALL_ACCOUNTS, headerValue: 'x' }, ann);
    expect((await expectFailure(creation)).code).toBe(status.NOT_FOUND);
  });

  it('are listed in pages, whose tokens belong to the parent and the filter', async () => {
    const paged: string[] = [];
    let pageToken = '';
    do {
      const page = await devices.listDevices({ parent: ALL_ACCOUNTS, pageSize: 1, pageToken }, admin);
      paged.push(...page.devices.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    const all = (await devices.listDevices({ parent: ALL_ACCOUNTS }, admin)).devices;
    expect(paged).toEqual(all.map(({ name }) => name));
    const first = await devices.listDevices({ parent: ALL_ACCOUNTS, pageSize: 1 }, admin);
    for (const other of [{ parent: 'accounts/ann' }, { parent: ALL_ACCOUNTS, filter: 'blocked = false' }]) {
      const elsewhere = devices.listDevices({ ...other, pageToken: first.nextPageToken }, admin);
      expect(await expectFailure(elsewhere)).toMatchObject({ fields: ['page_token'] });
    }
  });

  it('are found among many by reading only a few rows', async () => {
    const query = createQuery(node.database);
    // Otherwise the catalog would follow the feed and read all of them.
    await query('alter table device disable trigger device_change', []);
    // Half of them have no account. Of the others, one in 500 differs.
    await query(
      `insert into device (id, account_id, display_name, blocked, last_seen_time, last_attempt_time, create_time, update_time)
       select account || '/' || md5(i::text), account, case when rare then 'rare' else 'common' end, rare,
         case when rare then timestamptz '2019-01-01' else now() end,
         case when rare then timestamptz '2019-01-01' else now() end, now(), now()
       from generate_series(1, 50000) i, lateral (select i % 1000 = 0 as rare) r,
         lateral (select case when i % 2 = 1 then '' else 'a' || i end as account) a`,
      [],
    );
    await query('vacuum analyze device', []);
    for (const filter of [
      ...['blocked = true AND last_seen_time < "2020-01-01T00:00:00Z"', 'display_name = "rare"'],
      ...['last_seen_time < "2020-01-01T00:00:00Z"', 'last_attempt_time < "2020-01-01T00:00:00Z"'],
    ]) {
      const before = await rowsRead(query, 'device');
      expect((await devices.listDevices({ parent: ALL_ACCOUNTS, filter }, admin)).devices, filter).toHaveLength(50);
      expect((await rowsRead(query, 'device')) - before, filter).toBeLessThan(10_000);
    }
    const before = await rowsRead(query, 'device');
    expect((await devices.listDevices({ parent: ALL_ACCOUNTS }, admin)).devices).toHaveLength(100);
    expect((await rowsRead(query, 'device')) - before).toBeLessThan(10_000);
  });
});
