import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HttpResponse, sendOverHttp1 } from '../../demo/http-clients.ts';
import { newDatabase } from '../support/databases.ts';
import { EnvoyExample } from '../support/envoy/envoy-example.ts';
import { ANSWER } from '../support/envoy/held-upstream.ts';

/** Short enough to wait for. The example has a minute. */
const BLOCK_SECONDS = 3;

let example: EnvoyExample;
let origin: string;
let deviceCount = 0;
let addressCount = 1;

beforeAll(async () => {
  const shortenBlock = (rules: string) => rules.replaceAll('block_for: 1m', `block_for: ${BLOCK_SECONDS}s`);
  example = await EnvoyExample.start('devices', await newDatabase(), shortenBlock);
  origin = (await example.envoy()).origin;
}, 600_000);
afterAll(() => example?.stop());

const newDevice = () => `device-${++deviceCount}`;
/** An address of this machine that no other test uses. */
const newAddress = () => `127.0.0.${++addressCount}`;
const newKeyOfNewAccount = async () => example.newKey(await example.newAccount());

interface DeviceRequest {
  readonly path: string;
  /** The client's address. */
  readonly from: string;
  readonly device?: string | undefined;
  readonly key?: string | undefined;
}

/** Sends a request. If it reaches the upstream, the upstream answers `upstreamStatus`. */
function send({ path, from, device, key }: DeviceRequest, upstreamStatus = 200): Promise<HttpResponse> {
  const headers: [string, string][] = [[ANSWER, String(upstreamStatus)]];
  if (device !== undefined) headers.push(['x-device-id', device]);
  if (key !== undefined) headers.push(['x-api-key', key]);
  return sendOverHttp1(origin, { path, headers, localAddress: from });
}

const sendForStatus = async (request: DeviceRequest, upstreamStatus?: number) =>
  (await send(request, upstreamStatus)).status;

/** Sends up to `max` requests, until one is rejected. Returns how many passed before it. */
async function countGranted(request: DeviceRequest | (() => DeviceRequest), max: number): Promise<number> {
  for (let count = 0; count < max; count++) {
    if ((await sendForStatus(typeof request === 'function' ? request() : request)) === 429) return count;
  }
  return max;
}

/** Sends requests that the upstream answers with 401, each charged before the next one. */
async function fail(request: DeviceRequest, times: number): Promise<void> {
  for (let failed = 0; failed < times; failed++) {
    expect(await sendForStatus(request, 401)).toBe(401);
    await sleep(100); // the request is charged after its answer
  }
}

/** Fails often enough to be blocked, and waits for the block. */
async function failUntilBlocked(request: DeviceRequest): Promise<void> {
  await fail(request, 4);
  await expect.poll(() => sendForStatus(request)).toBe(429);
}

describe('routes that need a credential', () => {
  it('limit each device of an account on each route separately', async () => {
    const [key, device, from] = [await newKeyOfNewAccount(), newDevice(), newAddress()];
    expect(await countGranted({ path: '/reports', from, device, key }, 5)).toBe(2);
    expect(await sendForStatus({ path: '/orders', from, device, key })).toBe(200);
    expect(await sendForStatus({ path: '/reports', from, device: newDevice(), key })).toBe(200);
  });

  it('limit all devices of an account together, however many it claims to have', async () => {
    const [key, from] = [await newKeyOfNewAccount(), newAddress()];
    expect(await countGranted(() => ({ path: '/reports', from, device: newDevice(), key }), 15)).toBe(10);
    expect(await sendForStatus({ path: '/reports', from, device: newDevice(), key: await newKeyOfNewAccount() })).toBe(
      200,
    );
  });

  it.each([
    ['a device of the same name', 'laptop'],
    ['no device', undefined],
  ])('do not charge an account for the requests of another account with %s', async (_, device) => {
    const [key, other, from] = [await newKeyOfNewAccount(), await newKeyOfNewAccount(), newAddress()];
    expect(await countGranted({ path: '/reports', from, device, key }, 5)).toBe(2);
    expect(await sendForStatus({ path: '/reports', from, device, key: other })).toBe(200);
  });

  it('deny requests without one', async () => {
    expect(await sendForStatus({ path: '/orders', from: newAddress(), device: newDevice() })).toBe(401);
  });
});

describe('public routes', () => {
  it('limit a device at its address', async () => {
    const [device, from] = [newDevice(), newAddress()];
    expect(await countGranted({ path: '/sign-up', from, device }, 5)).toBe(3);
    expect(await sendForStatus({ path: '/activation', from, device })).toBe(200);
    expect(await sendForStatus({ path: '/sign-up', from, device: newDevice() })).toBe(200);
  });

  it('limit all devices at an address together, however many it claims to have', async () => {
    const from = newAddress();
    expect(await countGranted(() => ({ path: '/sign-up', from, device: newDevice() }), 25)).toBe(20);
    expect(await sendForStatus({ path: '/sign-up', from: newAddress(), device: newDevice() })).toBe(200);
  });

  it.each([
    ['the same device', 'phone'],
    ['an empty device', ''],
    ['no device', undefined],
  ])('do not charge an address for the requests of another address with %s', async (_, device) => {
    expect(await countGranted({ path: '/sign-up', from: newAddress(), device }, 5)).toBe(3);
    expect(await sendForStatus({ path: '/sign-up', from: newAddress(), device })).toBe(200);
  });
});

describe('failed requests', () => {
  it('are counted separately: the fourth in 15 s blocks the device at its address on all routes for a while', async () => {
    const [device, from, key] = [newDevice(), newAddress(), await newKeyOfNewAccount()];
    await fail({ path: '/sign-in', from, device }, 3);
    expect(await sendForStatus({ path: '/sign-in', from, device })).toBe(200);
    await fail({ path: '/sign-in', from, device }, 1);
    await expect.poll(() => sendForStatus({ path: '/sign-in', from, device })).toBe(429);
    expect(await sendForStatus({ path: '/activation', from, device })).toBe(429);
    expect(await sendForStatus({ path: '/orders', from, device, key })).toBe(429);
    expect(await sendForStatus({ path: '/activation', from, device: newDevice() })).toBe(200);
    await sleep(BLOCK_SECONDS * 1000);
    expect(await sendForStatus({ path: '/activation', from, device })).toBe(200);
  });

  it.each([
    ['a device', 'tablet'],
    ['an empty device', ''],
    ['no device', undefined],
  ])('with %s block nobody at another address who sends the same', async (_, device) => {
    await failUntilBlocked({ path: '/sign-in', from: newAddress(), device });
    const [from, key] = [newAddress(), await newKeyOfNewAccount()];
    for (const path of ['/sign-in', '/sign-up', '/activation', '/orders', '/reports']) {
      expect(await sendForStatus({ path, from, device, key })).toBe(200);
    }
  });

  it('without a device do not block the devices at the same address', async () => {
    const from = newAddress();
    await failUntilBlocked({ path: '/sign-in', from });
    expect(await sendForStatus({ path: '/sign-in', from, device: newDevice() })).toBe(200);
  });

  it('with a credential block the account, whichever device and address it claims, and no other account', async () => {
    const [key, device] = [await newKeyOfNewAccount(), newDevice()];
    for (let failed = 0; failed < 4; failed++)
      await fail({ path: '/orders', from: newAddress(), device: newDevice(), key }, 1);
    await expect.poll(() => sendForStatus({ path: '/orders', from: newAddress(), device, key })).toBe(429);
    expect(await sendForStatus({ path: '/reports', from: newAddress(), key })).toBe(429);
    const other = await newKeyOfNewAccount();
    expect(await sendForStatus({ path: '/orders', from: newAddress(), device, key: other })).toBe(200);
  });

  it('are those that the upstream answers with 4xx, not its successes and 5xx, nor rejections by Weir', async () => {
    const [device, from] = [newDevice(), newAddress()];
    for (const upstreamStatus of [200, 302, 500, 503]) {
      expect(await sendForStatus({ path: '/sign-in', from, device }, upstreamStatus)).toBe(upstreamStatus);
    }
    expect(await countGranted({ path: '/sign-up', from, device }, 4)).toBe(3);
    for (let rejected = 0; rejected < 4; rejected++) {
      expect(await sendForStatus({ path: '/sign-up', from, device })).toBe(429);
    }
    for (let denied = 0; denied < 4; denied++) {
      expect(await sendForStatus({ path: '/orders', from, device })).toBe(401);
    }
    await sleep(300);
    expect(await sendForStatus({ path: '/activation', from, device })).toBe(200);
  });
});

describe('a client address', () => {
  it('has a limit below all others, for any device that it claims to be, and for requests answered with 401', async () => {
    const from = newAddress();
    const statuses: number[] = [];
    for (let sent = 0; sent <= 100 && statuses.at(-1) !== 429; sent++) {
      statuses.push(await sendForStatus({ path: '/orders', from, device: newDevice(), key: 'garbage' }));
    }
    expect(statuses.slice(0, -1).filter((status) => status !== 401)).toEqual([]);
    expect(statuses.at(-1)).toBe(429);
    expect(await sendForStatus({ path: '/sign-up', from, device: newDevice() })).toBe(429);
    const key = await newKeyOfNewAccount();
    expect((await send({ path: '/orders', from, device: newDevice(), key })).body).toContain('rate_limited');
    expect(await sendForStatus({ path: '/orders', from: newAddress(), device: newDevice(), key })).toBe(200);
  });
});
