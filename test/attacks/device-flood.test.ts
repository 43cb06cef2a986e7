import { describe, expect } from 'vitest';
import { AccountServiceService, CreateAccountRequest } from '../../src/generated/weir/admin/v1/account_service.ts';
import {
  CreateDeviceRequest,
  DeviceServiceService,
  UpdateDeviceRequest,
} from '../../src/generated/weir/admin/v1/device_service.ts';
import { CreatePlanRequest, PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import { MAX_NEW_DEVICES_PER_NETWORK } from '../../src/usage/registration-limits.ts';
import { countAttempts } from '../support/attempts.ts';
import { check, httpStatus, parseDenial } from '../support/clients/decision-calls.ts';
import type { Headers } from '../support/clients/grpc-client.ts';
import { test } from '../support/fixtures.ts';
import type { TestNode } from '../support/node.ts';

/*
 * One client sends made-up device names, without a credential and with its own. The registry must stay small, and nobody
 * else may lose a device, a block or the right to register one.
 */

const FLOOD = countAttempts(1_000);
const ATTACKER = '192.0.2.66';
/** The flood may fall into two minutes, or more if it is longer. */
const countMinutes = (since: number) => Math.floor(Date.now() / 60_000) - Math.floor(since / 60_000) + 1;

const it = test.override('environment', { DEVICE_HEADER: 'x-device', DEVICE_REGISTRATION: 'auto' });

async function send(node: TestNode, key: string, device: string, address: string) {
  const response = await check(node.decision, { 'x-api-key': key, 'x-device': device }, {}, address);
  return httpStatus(response) === 200 ? 200 : parseDenial(response)?.code;
}

/** Creates an account on a plan, and a key for it. */
async function newKey(node: TestNode, administrator: Headers, planId: string) {
  const request = CreateAccountRequest.fromPartial({ account: { role: 'user', plan: `plans/${planId}` } });
  const { name: account } = await node.admin.call(AccountServiceService.createAccount, request, administrator);
  return { account, secret: (await node.createKey(administrator, planId, { account })).secret };
}

async function flood(node: TestNode, key: string): Promise<void> {
  for (let sent = 0; sent < FLOOD; sent += 50) {
    await Promise.all(
      Array.from({ length: 50 }, (_, index) => send(node, key, `${key} made up ${sent + index}`, ATTACKER)),
    );
  }
}

describe('a flood of made-up device names', () => {
  it('registers a bounded number, and takes nothing from others', async ({ node, administrator, metrics }) => {
    const { admin } = node;
    const limits = [{ name: 'all', algorithm: 'unlimited' }];
    for (const [planId, maxDevices] of [
      ['any', 0],
      ['two', 2],
    ] as const) {
      const request = CreatePlanRequest.fromPartial({ planId, plan: { limits, maxDevices } });
      await admin.call(PlanServiceService.createPlan, request, administrator);
    }
    const [attacker, victim] = [await newKey(node, administrator, 'any'), await newKey(node, administrator, 'two')];
    const creation = CreateDeviceRequest.fromPartial({ parent: attacker.account, headerValue: 'stolen' });
    const { name } = await admin.call(DeviceServiceService.createDevice, creation, administrator);
    const block = UpdateDeviceRequest.fromPartial({ device: { name, blocked: true } });
    await admin.call(DeviceServiceService.updateDevice, block, administrator);

    const startedAt = Date.now();
    await flood(node, 'garbage');
    await flood(node, attacker.secret);

    // The neighbor behind the same address still gets the devices that its plan grants, and no more.
    expect(await send(node, victim.secret, 'phone', ATTACKER)).toBe(200);
    expect(await send(node, victim.secret, 'tablet', ATTACKER)).toBe(200);
    expect(await send(node, victim.secret, 'third', ATTACKER)).toBe('too_many_devices');
    expect(await send(node, attacker.secret, 'stolen', ATTACKER)).toBe('blocked_device');
    const maxRegistered = MAX_NEW_DEVICES_PER_NETWORK * countMinutes(startedAt);
    const count = async (parent: string) => {
      const request = { parent, pageSize: 1000, pageToken: '', filter: '' };
      return (await admin.call(DeviceServiceService.listDevices, request, administrator)).devices.length;
    };
    await expect
      .poll(async () => /^weir_device_registrations_total{result="network_limit"} (\d+)/m.test(await metrics()))
      .toBe(true);
    // The rows are there once the others of the same second are.
    await expect.poll(() => count('')).toBeGreaterThan(0);
    expect((await count('')) + (await count(attacker.account))).toBeLessThanOrEqual(maxRegistered + 1);
  });
});
