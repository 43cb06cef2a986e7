import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pruneDevices } from '../../src/catalog/feed/prune.ts';
import { DeviceTable } from '../../src/catalog/model/device-table.ts';
import { createQuery, type Database, openDatabase } from '../../src/database/open-database.ts';
import type { DeviceUse } from '../../src/decide/ports.ts';
import { formatDeviceKey, MAX_DEVICES_PER_ACCOUNT } from '../../src/domain/device.ts';
import { hashDevice } from '../../src/identity/secrets/hash-device.ts';
import type { Query } from '../../src/interfaces/query.ts';
import { NodeDeviceRegistry } from '../../src/usage/device-registry.ts';
import {
  MAX_NEW_DEVICES,
  MAX_NEW_DEVICES_PER_NETWORK,
  RegistrationLimits,
} from '../../src/usage/registration-limits.ts';
import { newDatabase } from '../support/databases.ts';

let database: Database;
let query: Query;
let isAway = false;
const catalog = { devices: new DeviceTable() };
const log = { info: () => {}, warn: () => {} };

beforeAll(async () => {
  database = await openDatabase({ url: await newDatabase() });
  query = createQuery(database);
});
afterAll(() => database?.close(true));
beforeEach(async () => {
  isAway = false;
  catalog.devices = new DeviceTable();
  await query('delete from device', []);
});

const createRegistry = () =>
  new NodeDeviceRegistry({
    registration: 'auto',
    catalog,
    hash: hashDevice,
    query: (sql, parameters) => (isAway ? Promise.reject(new Error('away')) : query(sql, parameters)),
    log,
  });
const useOf = (accountId: string, device: string, fields: Partial<DeviceUse> = {}): DeviceUse => ({
  key: { accountId, deviceId: hashDevice(device) },
  isKnown: false,
  isNew: true,
  isCounted: false,
  sourceAddress: undefined,
  ...fields,
});
const readRows = () => query('select * from device order by id', []) as Promise<Record<string, unknown>[]>;

describe('the registry of devices', () => {
  it('keeps new devices and uses while Postgres is away, and writes each once', async () => {
    const registry = createRegistry();
    const use = useOf('corp:ann\0', 'phone', { isCounted: true });
    isAway = true;
    registry.register(use);
    registry.note(use, true);
    await registry.writeNewDevices();
    await registry.writeUses();
    registry.note(use, true);
    registry.note(use, false);
    expect(await readRows()).toEqual([]);
    isAway = false;
    for (let time = 0; time < 2; time++) {
      await registry.writeNewDevices();
      await registry.writeUses();
    }
    expect(await readRows()).toMatchObject([
      { id: formatDeviceKey(use.key), request_count: '2', attempt_count: '1', version: 1, blocked: false },
    ]);
  });

  it('counts devices that two nodes register at once a single time, and adds up their uses', async () => {
    const registries = [createRegistry(), createRegistry()];
    for (const registry of registries) {
      registry.register(useOf('ann', 'phone'));
      registry.note(useOf('ann', 'phone'), true);
    }
    await Promise.all(registries.map((registry) => registry.writeNewDevices()));
    await Promise.all(registries.map((registry) => registry.writeUses()));
    expect(await readRows()).toMatchObject([{ request_count: '2', last_attempt_time: null }]);
  });

  it('counts its own devices against a plan until the catalog has them, and then once', () => {
    const registry = createRegistry();
    const [first, second, third] = ['a', 'b', 'c'].map((device) => useOf('ann', device, { isCounted: true }));
    if (first === undefined || second === undefined || third === undefined) return expect.fail();
    registry.register(first);
    registry.register(second);
    const within = (count: number) => [first, second, third].map(({ key }) => registry.isAmongFirst(key, count));
    expect(within(2)).toEqual([true, true, false]);
    catalog.devices.apply(formatDeviceKey(first.key), { blocked: false, createdAt: 1 });
    expect(within(2)).toEqual([true, true, false]);
    expect(within(1)).toEqual([true, false, false]);
    catalog.devices.apply(formatDeviceKey(second.key), { blocked: true, createdAt: 2 });
    expect(registry.find(second.key)).toBe('blocked');
    expect(registry.isAmongFirst(third.key, 2)).toBe(true);
  });

  it('forgets a device that was deleted before the catalog had it', async () => {
    const registry = createRegistry();
    const use = useOf('ann', 'phone');
    registry.register(use);
    await registry.writeNewDevices();
    catalog.devices.apply(formatDeviceKey(use.key), { blocked: false, createdAt: 1 });
    await registry.writeNewDevices();
    catalog.devices.apply(formatDeviceKey(use.key), null);
    expect(registry.find(use.key)).toBeUndefined();
  });

  it('registers no more devices of an account than it can have', () => {
    const registry = createRegistry();
    for (let device = 0; device < MAX_DEVICES_PER_ACCOUNT + 5; device++) {
      registry.register(useOf('ann', String(device), { isCounted: true }));
    }
    expect(Object.fromEntries(registry.results)).toEqual({ registered: MAX_DEVICES_PER_ACCOUNT, full: 5 });
    expect([registry.hasRoom('ann'), registry.hasRoom('bob'), registry.hasRoom('x'.repeat(257))]).toEqual([
      false,
      true,
      false,
    ]);
  });
});

describe('new devices in a minute', () => {
  it('are bounded for each network, of IPv6 for each /64', () => {
    const limits = new RegistrationLimits();
    const count = (address: string, now = 0) => limits.count(address, now);
    for (let device = 0; device < MAX_NEW_DEVICES_PER_NETWORK; device++) {
      expect(count(`2001:db8::${device.toString(16)}`)).toBeUndefined();
    }
    expect([count('2001:db8::ffff'), count('2001:db8:1::1'), count('192.0.2.1')]).toEqual([
      'network',
      undefined,
      undefined,
    ]);
    expect(count('2001:db8::1', 60_000)).toBeUndefined();
  });

  it('are bounded for the node', () => {
    const limits = new RegistrationLimits();
    for (let device = 0; device < MAX_NEW_DEVICES; device++) {
      expect(limits.count(`10.0.${device >> 8}.${device & 255}`, 0)).toBeUndefined();
    }
    expect(limits.count('192.0.2.1', 0)).toBe('node');
  });
});

describe('pruning', () => {
  const insert = (id: string, fields: string) =>
    query(
      `insert into device (id, account_id, blocked, last_seen_time, create_time, update_time)
       select ?, split_part(?, '/', 1), ${fields}, '2020-01-01', now()`,
      [id, id],
    );

  it('deletes devices of strangers that were not seen for long, and keeps blocked ones and those of accounts', async () => {
    const id = (account: string, device: string) =>
      formatDeviceKey({ accountId: account, deviceId: hashDevice(device) });
    await insert(id('', 'old'), `false, now() - interval '31 days'`);
    await insert(id('', 'blocked'), `true, now() - interval '31 days'`);
    await insert(id('', 'seen'), `false, now() - interval '29 days'`);
    await insert(id('ann', 'old'), `false, now() - interval '900 days'`);
    await pruneDevices(query);
    const left = (await readRows()).map((row) => row.id);
    expect(left).toEqual([id('', 'blocked'), id('', 'seen'), id('ann', 'old')].toSorted());
  });

  it('deletes those of deleted accounts', async () => {
    await query(
      `insert into plan (id, display_name, limits, create_time, update_time) values ('free', '', '[]', now(), now())`,
      [],
    );
    await query(
      `insert into account (id, role, plan_id, delete_time, create_time, update_time)
       values ('gone', 'user', 'free', now(), now(), now())`,
      [],
    );
    for (const account of ['gone', 'there']) {
      await insert(formatDeviceKey({ accountId: account, deviceId: hashDevice('phone') }), `true, now()`);
    }
    await pruneDevices(query);
    expect(await readRows()).toMatchObject([{ account_id: 'there' }]);
  });

  it('deletes those that were seen longest ago if there are too many', async () => {
    await query(
      `insert into device (id, account_id, blocked, last_seen_time, create_time, update_time)
       select '/' || md5(n::text), '', n <= 5, now() - n * interval '1 second', '2020-01-01', now()
       from generate_series(1, 90020) n`,
      [],
    );
    await query(`update device set last_seen_time = now() - interval '20 days' where blocked`, []);
    await pruneDevices(query);
    const [row] = (await query(
      `select count(*)::int as count, count(*) filter (where blocked)::int as blocked,
         extract(epoch from now() - min(last_seen_time) filter (where not blocked))::int as oldest from device`,
      [],
    )) as { count: number; blocked: number; oldest: number }[];
    expect(row).toMatchObject({ count: 90_005, blocked: 5 });
    expect(row?.oldest).toBeLessThan(90_100);
  });
});
