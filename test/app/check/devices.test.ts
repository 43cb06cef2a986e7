import { randomUUID } from 'node:crypto';
import { describe, expect } from 'vitest';
import { createQuery, openDatabase } from '../../../src/database/open-database.ts';
import {
  CreateDeviceRequest,
  type Device,
  DeviceServiceService,
  UpdateDeviceRequest,
} from '../../../src/generated/weir/admin/v1/device_service.ts';
import {
  CreatePlanRequest,
  PlanServiceService,
  UpdatePlanRequest,
} from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { hashDevice } from '../../../src/identity/secrets/hash-device.ts';
import { check, httpStatus, parseDenial } from '../../support/clients/decision-calls.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const AUTO = { DEVICE_HEADER: 'x-device-id', DEVICE_REGISTRATION: 'auto' };
const LIMITS = [{ name: 'all', algorithm: 'unlimited' }];

/** `node` registers devices, `required` only accepts those that are registered, and `off` does not look at them. */
const it = test
  .override('environment', AUTO)
  .extend('second', { scope: 'file' }, ({ startNode }) => startNode())
  .extend('required', { scope: 'file' }, ({ startNode }) => startNode({ DEVICE_REGISTRATION: 'required' }))
  .extend('off', { scope: 'file' }, ({ startNode }) => startNode({ DEVICE_REGISTRATION: 'off' }))
  .extend('database', { scope: 'file' }, async ({ databaseUrl }, { onCleanup }) => {
    const database = await openDatabase({ url: databaseUrl });
    onCleanup(() => database.close(true));
    return database;
  })
  /** Creates an account on a plan with this bound of devices. */
  .extend('newAccount', { scope: 'file' }, ({ node, administrator, database }) => {
    return async (maxDevices: number): Promise<Account> => {
      const plan = `p-${randomUUID()}`;
      const request = CreatePlanRequest.fromPartial({ planId: plan, plan: { limits: LIMITS, maxDevices } });
      await node.admin.call(PlanServiceService.createPlan, request, administrator);
      const id = randomUUID();
      await createQuery(database)(
        `insert into account (id, email, password_hash, role, plan_id, create_time, update_time)
         values (?, ?, '', 'user', ?, now(), now())`,
        [id, id, plan],
      );
      const { secret } = await node.createKey(administrator, plan, { account: `accounts/${id}` });
      return { name: `accounts/${id}`, plan: `plans/${plan}`, secret };
    };
  });

interface Account {
  readonly name: string;
  readonly plan: string;
  readonly secret: string;
}

async function send(node: TestNode, secret: string | undefined, device?: string, address?: string) {
  const key: Record<string, string> = secret === undefined ? {} : { 'x-api-key': secret };
  const headers = { ...key, ...(device !== undefined && { 'x-device-id': device }) };
  const response = await check(node.decision, headers, { 'weir.auth': 'optional' }, address);
  const status = httpStatus(response);
  return status === 200 ? 200 : `${status} ${parseDenial(response)?.code}`;
}

const list = async (node: TestNode, headers: Headers, parent: string) =>
  (await node.admin.call(DeviceServiceService.listDevices, { parent, pageSize: 0, pageToken: '', filter: '' }, headers))
    .devices;

const create = (node: TestNode, headers: Headers, parent: string, headerValue: string) =>
  node.admin.call(DeviceServiceService.createDevice, CreateDeviceRequest.fromPartial({ parent, headerValue }), headers);

const setBlocked = (node: TestNode, headers: Headers, name: string, blocked: boolean) =>
  node.admin.call(
    DeviceServiceService.updateDevice,
    UpdateDeviceRequest.fromPartial({ device: { name, blocked }, updateMask: 'blocked' }),
    headers,
  );

const nameIn = (parent: string, device: string) => `${parent === '' ? '' : `${parent}/`}devices/${hashDevice(device)}`;
const names = (devices: readonly Device[]) => devices.map(({ name }) => name).toSorted();

describe('with DEVICE_REGISTRATION=auto, a node', () => {
  it('registers the devices of an account and those without a credential apart', async ({
    node,
    administrator,
    newAccount,
  }) => {
    const account = await newAccount(0);
    expect(await send(node, account.secret, 'phone')).toBe(200);
    expect(await send(node, account.secret, 'tablet')).toBe(200);
    expect(await send(node, account.secret)).toBe(200);
    expect(await send(node, undefined, 'stranger')).toBe(200);
    expect(await send(node, 'garbage', 'guesser')).toBe('401 malformed_credential');
    const expected = [nameIn(account.name, 'phone'), nameIn(account.name, 'tablet')].toSorted();
    await expect.poll(async () => names(await list(node, administrator, account.name))).toEqual(expected);
    const others = names(await list(node, administrator, ''));
    expect(others).toEqual(expect.arrayContaining([nameIn('', 'stranger'), nameIn('', 'guesser')]));
    expect(others).not.toContain(nameIn('', 'phone'));
  });

  it('counts allowed and denied requests, and writes them when it stops', async ({
    node,
    startNode,
    administrator,
    newAccount,
  }) => {
    const account = await newAccount(0);
    const before = Date.now();
    const counting = await startNode();
    for (let sent = 0; sent < 3; sent++) await send(counting, account.secret, 'laptop');
    const name = nameIn(account.name, 'laptop');
    await expect.poll(async () => (await list(node, administrator, account.name)).length).toBe(1);
    const { etag } = await setBlocked(node, administrator, name, true);
    await expect.poll(() => send(counting, account.secret, 'laptop')).toBe('403 blocked_device');
    await send(counting, account.secret, 'laptop');
    await counting.app.stop();
    const device = await node.admin.call(DeviceServiceService.getDevice, { name }, administrator);
    expect(device.requestCount).toBeGreaterThanOrEqual(3);
    expect(device.attemptCount).toBeGreaterThanOrEqual(2);
    for (const time of [device.firstSeenTime, device.lastSeenTime, device.lastAttemptTime]) {
      expect(Number(time)).toBeGreaterThanOrEqual(before);
      expect(Number(time)).toBeLessThanOrEqual(Date.now());
    }
    expect(device.etag).toBe(etag);
  });

  it('denies a blocked device of an account, on both nodes, and only there', async ({
    node,
    second,
    administrator,
    newAccount,
  }) => {
    const [ann, bob] = [await newAccount(0), await newAccount(0)];
    await create(node, administrator, ann.name, 'shared name');
    const { name } = await setBlocked(node, administrator, nameIn(ann.name, 'shared name'), true);
    for (const each of [node, second]) {
      await expect.poll(() => send(each, ann.secret, 'shared name')).toBe('403 blocked_device');
      expect(await send(each, ann.secret, 'another')).toBe(200);
      expect(await send(each, bob.secret, 'shared name')).toBe(200);
      expect(await send(each, undefined, 'shared name')).toBe(200);
    }
    await setBlocked(node, administrator, name, false);
    for (const each of [node, second]) await expect.poll(() => send(each, ann.secret, 'shared name')).toBe(200);
  });

  it('denies a blocked device without a credential, and not the same name with one', async ({
    node,
    administrator,
    newAccount,
  }) => {
    const { secret } = await newAccount(0);
    await create(node, administrator, '', 'robot');
    await setBlocked(node, administrator, nameIn('', 'robot'), true);
    expect(await send(node, undefined, 'robot')).toBe('403 blocked_device');
    expect(await send(node, secret, 'robot')).toBe(200);
  });

  it('lets in no more devices than the plan allows, however many come at once', async ({
    node,
    second,
    administrator,
    newAccount,
  }) => {
    const { name, secret } = await newAccount(3);
    await expect.poll(() => send(node, secret)).toBe(200);
    const statuses = await Promise.all(Array.from({ length: 20 }, (_, index) => send(node, secret, `device ${index}`)));
    expect(statuses.filter((status) => status === 200)).toHaveLength(3);
    expect(statuses.filter((status) => status === '403 too_many_devices')).toHaveLength(17);
    await expect.poll(async () => (await list(node, administrator, name)).length).toBe(3);
    const known = `device ${statuses.indexOf(200)}`;
    expect(await send(node, secret, known)).toBe(200);
    await expect.poll(() => send(second, secret, known)).toBe(200);
    await expect.poll(() => send(second, secret, 'one more')).toBe('403 too_many_devices');
    // A device that is deleted or blocked makes room.
    await setBlocked(node, administrator, nameIn(name, known), true);
    await expect.poll(() => send(second, secret, 'one more')).toBe(200);
    expect(await send(second, secret, 'two more')).toBe('403 too_many_devices');
  });

  it('lets in the devices that were registered first if the plan allows fewer later', async ({
    node,
    administrator,
    newAccount,
  }) => {
    const { name, plan, secret } = await newAccount(2);
    for (const device of ['old', 'new']) await create(node, administrator, name, device);
    expect([await send(node, secret, 'old'), await send(node, secret, 'new')]).toEqual([200, 200]);
    const request = UpdatePlanRequest.fromPartial({ plan: { name: plan, maxDevices: 1 } });
    await node.admin.call(PlanServiceService.updatePlan, request, administrator);
    expect([await send(node, secret, 'old'), await send(node, secret, 'new')]).toEqual([200, '403 too_many_devices']);
  });
});

describe('with DEVICE_REGISTRATION=required, a node', () => {
  it('lets in registered devices of the account alone, and registers none', async ({
    node,
    required,
    administrator,
    newAccount,
  }) => {
    const [ann, bob] = [await newAccount(0), await newAccount(0)];
    await create(node, administrator, ann.name, 'registered');
    await expect.poll(() => send(required, ann.secret, 'registered')).toBe(200);
    expect(await send(required, ann.secret, 'unregistered')).toBe('403 unknown_device');
    expect(await send(required, ann.secret, 'unregistered')).toBe('403 unknown_device');
    expect(await send(required, ann.secret)).toBe('403 unknown_device');
    expect(await send(required, bob.secret, 'registered')).toBe('403 unknown_device');
    expect(await send(required, undefined, 'registered')).toBe(200);
    await node.admin.call(DeviceServiceService.deleteDevice, { name: nameIn(ann.name, 'registered') }, administrator);
    await expect.poll(() => send(required, ann.secret, 'registered')).toBe('403 unknown_device');
  });
});

describe('with DEVICE_REGISTRATION=off, a node', () => {
  it('looks up and stores nothing', async ({ node, off, administrator, newAccount }) => {
    const { name, secret } = await newAccount(1);
    await create(node, administrator, name, 'blocked');
    await setBlocked(node, administrator, nameIn(name, 'blocked'), true);
    await expect.poll(() => send(node, secret, 'blocked')).toBe('403 blocked_device');
    await expect.poll(() => send(off, secret, 'blocked')).toBe(200);
    for (const device of ['a', 'b', 'c']) expect(await send(off, secret, device)).toBe(200);
    await off.app.stop();
    expect(names(await list(node, administrator, name))).toEqual([nameIn(name, 'blocked')]);
  });
});
