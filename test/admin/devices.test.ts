import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccountEntity } from '../../src/database/entities/account-entity.ts';
import { DeviceEntity } from '../../src/database/entities/device-entity.ts';
import { createQuery } from '../../src/database/open-database.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { Device, DeviceServiceService } from '../../src/generated/weir/admin/v1/device_service.ts';
import { Plan, PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import { hashDevice } from '../../src/identity/secrets/hash-device.ts';
import { hashPassword } from '../../src/identity/secrets/password.ts';
import { newDatabase } from '../support/databases.ts';
import { ADMIN, createClient, expectFailure, startAdminNode } from './admin-node.ts';

type Caller = Awaited<ReturnType<typeof signIn>>;

let node: Awaited<ReturnType<typeof startAdminNode>>;
let devices: ReturnType<typeof createClient<typeof DeviceServiceService>>;
let plans: ReturnType<typeof createClient<typeof PlanServiceService>>;
let auth: ReturnType<typeof createClient<typeof AuthServiceService>>;
let admin: Caller;
let ann: Caller;
let eve: Caller;
const ANN = `accounts/${randomUUID()}`;
const EVE = `accounts/${randomUUID()}`;
const ID = '0123456789abcdef0123456789abcdef';

const signIn = async (credentials: { email: string; password: string }) => {
  return { authorization: `Bearer ${(await auth.login(credentials)).accessToken}` };
};

const newUser = async (account: string, planId = 'free') => {
  const id = account.slice('accounts/'.length);
  const em = node.database.em.fork();
  const email = `${id}@example.com`;
  em.create(AccountEntity, { id, email, passwordHash: await hashPassword(email), role: 'user', planId });
  await em.flush();
  return signIn({ email, password: email });
};

beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
  devices = createClient(DeviceServiceService, node.address);
  plans = createClient(PlanServiceService, node.address);
  auth = createClient(AuthServiceService, node.address);
  admin = await signIn(ADMIN);
  [ann, eve] = [await newUser(ANN), await newUser(EVE)];
});
afterAll(async () => {
  for (const client of [devices, plans, auth]) client?.close();
  await node?.stop();
});

const create = (as: Caller, parent: string, headerValue: string, fields: Partial<Device> = {}) =>
  devices.createDevice({ parent, headerValue, device: Device.create(fields) }, as);
const update = (as: Caller, updateMask: string, fields: Partial<Device>) =>
  devices.updateDevice({ device: Device.create(fields), updateMask }, as);

const FORBIDDEN = { code: status.PERMISSION_DENIED, reason: 'NOT_ADMINISTRATOR' };
const NOT_FOUND = { code: status.NOT_FOUND, reason: 'RESOURCE_NOT_FOUND' };

describe('a non-administrator', () => {
  it('creates, reads, lists, names, blocks and deletes devices of its own account', async () => {
    const created = await create(ann, ANN, 'phone', { displayName: 'Phone' });
    expect(created).toEqual({
      ...Device.create(),
      name: `${ANN}/devices/${hashDevice('phone')}`,
      displayName: 'Phone',
      etag: '"1"',
    });
    const { name } = created;
    expect(await devices.getDevice({ name }, ann)).toEqual(created);
    const blocked = { name, displayName: 'Lost', blocked: true, blockReason: 'left on a train' };
    expect(await update(ann, '*', blocked)).toMatchObject({ ...blocked, etag: '"2"' });
    expect(await update(ann, 'blocked', { name })).toMatchObject({
      blocked: false,
      blockReason: '',
      displayName: 'Lost',
    });
    expect((await devices.listDevices({ parent: ANN }, ann)).devices.map((device) => device.name)).toEqual([name]);
    await devices.deleteDevice({ name }, ann);
    expect(await expectFailure(devices.getDevice({ name }, ann))).toMatchObject(NOT_FOUND);
  });

  it('does not learn whether another account or its devices exist', async () => {
    const { name } = await create(eve, EVE, 'secret');
    const unknown = `accounts/${randomUUID()}`;
    for (const parent of [EVE, unknown]) {
      expect(await expectFailure(devices.listDevices({ parent }, ann))).toMatchObject(NOT_FOUND);
      expect(await expectFailure(create(ann, parent, 'mine'))).toMatchObject(NOT_FOUND);
    }
    for (const other of [name, `${unknown}/devices/${ID}`]) {
      expect(await expectFailure(devices.getDevice({ name: other }, ann))).toMatchObject(NOT_FOUND);
      expect(await expectFailure(update(ann, 'blocked', { name: other }))).toMatchObject(NOT_FOUND);
      expect(await expectFailure(devices.deleteDevice({ name: other }, ann))).toMatchObject(NOT_FOUND);
    }
    await devices.getDevice({ name }, admin);
  });

  it('has nothing to do with devices of requests without a credential', async () => {
    const { name } = await create(admin, '', 'robot');
    expect(await expectFailure(devices.listDevices({ parent: '' }, ann))).toMatchObject(FORBIDDEN);
    expect(await expectFailure(create(ann, '', 'robot'))).toMatchObject(FORBIDDEN);
    expect(await expectFailure(devices.getDevice({ name }, ann))).toMatchObject(FORBIDDEN);
    expect(await expectFailure(update(ann, 'blocked', { name }))).toMatchObject(FORBIDDEN);
    expect(await expectFailure(devices.deleteDevice({ name }, ann))).toMatchObject(FORBIDDEN);
  });

  it('cannot lift or change a block of an administrator, but can name the device', async () => {
    const { name } = await create(ann, ANN, 'misused');
    await update(admin, 'blocked,blockReason', { name, blocked: true, blockReason: 'abuse' });
    expect(await update(ann, 'displayName', { name, displayName: 'Mine' })).toMatchObject({ blocked: true });
    for (const change of [
      () => update(ann, 'blocked', { name }),
      () => update(ann, 'blockReason', { name, blockReason: 'none' }),
      () => devices.deleteDevice({ name }, ann),
    ])
      expect(await expectFailure(change())).toMatchObject(FORBIDDEN);
    expect(await update(admin, 'blocked', { name })).toMatchObject({ blocked: false, displayName: 'Mine' });
    await devices.deleteDevice({ name }, ann);
  });

  it('creates as many devices as the plan allows, also with many calls at once', async () => {
    await plans.createPlan(
      { planId: 'two', plan: Plan.create({ limits: [{ name: 'all', algorithm: 'unlimited' }], maxDevices: 2 }) },
      admin,
    );
    const account = `accounts/${randomUUID()}`;
    const caller = await newUser(account, 'two');
    const calls = Array.from({ length: 8 }, (_, index) => create(caller, account, `device ${index}`));
    const results = await Promise.allSettled(calls);
    expect(results.filter(({ status: result }) => result === 'fulfilled')).toHaveLength(2);
    const failure = { code: status.FAILED_PRECONDITION, reason: 'TOO_MANY_DEVICES' };
    expect(await expectFailure(create(caller, account, 'third'))).toMatchObject(failure);
    expect(await expectFailure(create(admin, account, 'third'))).toMatchObject(failure);
    // Blocked devices do not count.
    await create(caller, account, 'stolen', { blocked: true });
    const { devices: created } = await devices.listDevices({ parent: account }, caller);
    const { name } = created.find(({ blocked }) => !blocked) ?? expect.fail();
    await update(caller, 'blocked', { name, blocked: true });
    await create(caller, account, 'third');
  });
});

describe('the device service', () => {
  it('rejects a device that exists, an account that does not, and a stale etag', async () => {
    const { name, etag } = await create(ann, ANN, 'twice');
    const exists = { code: status.ALREADY_EXISTS, reason: 'RESOURCE_EXISTS' };
    expect(await expectFailure(create(ann, ANN, 'twice'))).toMatchObject(exists);
    expect(await expectFailure(create(admin, `accounts/${randomUUID()}`, 'any'))).toMatchObject(NOT_FOUND);
    await update(ann, 'displayName', { name, displayName: 'first', etag });
    const stale = { code: status.ABORTED, reason: 'ETAG_MISMATCH' };
    expect(await expectFailure(update(ann, 'displayName', { name, displayName: 'second', etag }))).toMatchObject(stale);
  });

  it('keeps one of two changes that are made at once, and says so', async () => {
    const { name } = await create(ann, ANN, 'contested');
    const calls = ['a', 'b', 'c'].map((displayName) => update(ann, 'displayName', { name, displayName }));
    const results = await Promise.allSettled(calls);
    const { etag } = await devices.getDevice({ name }, ann);
    expect(etag).toBe(`"${1 + results.filter(({ status: result }) => result === 'fulfilled').length}"`);
  });

  it('keeps the etag while requests are counted', async () => {
    const { name, etag } = await create(ann, ANN, 'counted');
    await createQuery(node.database)(`update device set request_count = request_count + 7 where display_name = ''`, []);
    expect(await devices.getDevice({ name }, ann)).toMatchObject({ requestCount: 7, etag });
    await update(ann, 'displayName', { name, displayName: 'still', etag });
  });

  it('percent-encodes accounts of external issuers', async () => {
    const parent = 'accounts/corp%3Ajo%2Fe%00';
    const { name } = await create(admin, parent, 'desk');
    expect(name).toBe(`${parent}/devices/${hashDevice('desk')}`);
    expect(await devices.listDevices({ parent }, admin)).toMatchObject({ devices: [{ name }] });
    await devices.deleteDevice({ name }, admin);
  });

  it('pages through the devices of one account', async () => {
    const account = `accounts/${randomUUID()}`;
    const caller = await newUser(account);
    const created = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((value) => create(caller, account, value)));
    const listed: string[] = [];
    let pageToken = '';
    do {
      const page = await devices.listDevices({ parent: account, pageSize: 2, pageToken }, caller);
      listed.push(...page.devices.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(listed).toEqual(created.map(({ name }) => name).toSorted());
    const first = await devices.listDevices({ parent: account, pageSize: 2 }, caller);
    const elsewhere = devices.listDevices({ parent: ANN, pageToken: first.nextPageToken }, admin);
    expect(await expectFailure(elsewhere)).toMatchObject({ fields: ['page_token'] });
  });
});

describe('faults of a request are named together', () => {
  const long = 'x'.repeat(501);
  it.each<[string, () => Promise<unknown>, readonly string[]]>([
    ['CreateDevice', () => create(admin, 'accounts', ''), ['parent', 'header_value']],
    [
      'CreateDevice',
      () => create(admin, 'accounts/%zz', ' a\n', { displayName: long, blockReason: `${long}\n` }),
      [
        'parent',
        'header_value',
        'header_value',
        'device.display_name',
        'device.block_reason',
        'device.block_reason',
        'device.block_reason',
      ],
    ],
    ['CreateDevice', () => create(admin, ANN, 'y'.repeat(257)), ['header_value']],
    ['CreateDevice', () => create(admin, `accounts/${'z'.repeat(257)}`, 'y'), ['parent']],
    ['GetDevice', () => devices.getDevice({ name: 'devices/phone' }, admin), ['name']],
    ['GetDevice', () => devices.getDevice({ name: `accounts/devices/${ID}` }, admin), ['name']],
    ['GetDevice', () => devices.getDevice({ name: `accounts/corp:joe/devices/${ID}` }, admin), ['name']],
    ['GetDevice', () => devices.getDevice({ name: `devices/${ID.toUpperCase()}` }, admin), ['name']],
    [
      'ListDevices',
      () => devices.listDevices({ parent: 'plans/free', pageSize: -1, pageToken: 'x' }, admin),
      ['parent', 'page_size', 'page_token'],
    ],
    ['UpdateDevice', () => devices.updateDevice({ updateMask: '' }, admin), ['device.name', 'update_mask']],
    [
      'UpdateDevice',
      () => update(admin, 'name,requestCount,displayName', { name: `devices/${ID}`, displayName: long }),
      ['update_mask', 'update_mask', 'device.display_name'],
    ],
    ['UpdateDevice', () => update(admin, '', { name: `devices/${ID}` }), ['update_mask']],
    ['DeleteDevice', () => devices.deleteDevice({ name: '' }, admin), ['name']],
  ])('by %s', async (_, call, fields) => {
    expect(await expectFailure(call())).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_FIELDS',
      fields,
    });
  });

  it('by UpdateDevice: a reason for a device that is not blocked', async () => {
    const { name } = await create(ann, ANN, 'unblocked');
    const failure = await expectFailure(update(ann, 'blockReason', { name, blockReason: 'why' }));
    expect(failure).toMatchObject({ fields: ['device.block_reason'] });
  });

  it.each([-1, 1001])('by CreatePlan and UpdatePlan: %i devices', async (maxDevices) => {
    const limits = [{ name: 'all', algorithm: 'unlimited' }];
    const creation = plans.createPlan({ planId: 'many', plan: Plan.create({ limits, maxDevices }) }, admin);
    expect(await expectFailure(creation)).toMatchObject({ fields: ['plan.max_devices'] });
    const change = plans.updatePlan({ plan: Plan.create({ name: 'plans/free', maxDevices }), updateMask: '' }, admin);
    expect(await expectFailure(change)).toMatchObject({ fields: ['plan.max_devices'] });
  });

  it('stores no device for a failed call', async () => {
    expect(await node.database.em.fork().count(DeviceEntity, { displayName: long })).toBe(0);
  });
});
