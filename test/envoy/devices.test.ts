import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, askOverHttp1 } from '../../demo/client.ts';
import { newDatabase } from '../support/databases.ts';
import { EnvoyExample } from '../support/envoy-example.ts';
import { ANSWER } from '../support/held-upstream.ts';

/** Short enough to be waited for; the example has a minute. */
const BLOCK_SECONDS = 3;

let example: EnvoyExample;
let origin: string;
let devices = 0;

beforeAll(async () => {
  const shorter = (rules: string) => rules.replace('block_for: 1m', `block_for: ${BLOCK_SECONDS}s`);
  example = await EnvoyExample.start('devices', await newDatabase(), shorter);
  origin = (await example.envoy()).origin;
}, 600_000);
afterAll(() => example?.stop());

const newDevice = () => `device-${++devices}`;

interface Asked {
  readonly path: string;
  readonly device?: string | undefined;
  readonly key?: string | undefined;
}

/** What the client is told; `upstream` is the status that the upstream answers with, if it is asked. */
function ask({ path, device, key }: Asked, upstream = 200): Promise<Answer> {
  const headers: [string, string][] = [[ANSWER, String(upstream)]];
  if (device !== undefined) headers.push(['x-device-id', device]);
  if (key !== undefined) headers.push(['x-api-key', key]);
  return askOverHttp1(origin, { path, headers });
}

const statusOf = async (asked: Asked, upstream?: number) => (await ask(asked, upstream)).status;

/** How many are let in before one is refused. */
async function granted(asked: Asked, most: number): Promise<number> {
  for (let count = 0; count < most; count++) if ((await statusOf(asked)) === 429) return count;
  return most;
}

describe('on routes for who is signed in', () => {
  test('each device of an account has its own limit, on each route', async () => {
    const [key, device] = [await example.newKey(), newDevice()];
    expect(await granted({ path: '/reports', device, key }, 5)).toBe(2);
    expect(await statusOf({ path: '/orders', device, key })).toBe(200);
    expect(await statusOf({ path: '/reports', device: newDevice(), key })).toBe(200);
  });

  test('nobody comes in without a credential', async () => {
    expect(await statusOf({ path: '/orders', device: newDevice() })).toBe(401);
  });
});

describe('on public routes', () => {
  test('a device has a limit without any credential', async () => {
    const device = newDevice();
    expect(await granted({ path: '/sign-up', device }, 5)).toBe(3);
    expect(await statusOf({ path: '/activation', device })).toBe(200);
    expect(await statusOf({ path: '/sign-up', device: newDevice() })).toBe(200);
  });

  test('who names no device shares the limit of all who do not', async () => {
    expect(await granted({ path: '/sign-up' }, 5)).toBe(3);
  });
});

describe('what went wrong', () => {
  /** `times` requests that the upstream answers with 401, each charged before the next. */
  async function fail(device: string, times: number): Promise<void> {
    for (let failed = 0; failed < times; failed++) {
      expect(await statusOf({ path: '/sign-in', device }, 401)).toBe(401);
      await sleep(100); // it is charged after it was answered
    }
  }

  test('is counted apart: the fourth in 15 s blocks the device, everywhere and for a while', async () => {
    const device = newDevice();
    await fail(device, 3);
    expect(await statusOf({ path: '/sign-in', device })).toBe(200);
    await fail(device, 1);
    await expect.poll(() => statusOf({ path: '/sign-in', device })).toBe(429);
    expect(await statusOf({ path: '/activation', device })).toBe(429);
    expect(await statusOf({ path: '/activation', device: newDevice() })).toBe(200);
    await sleep(BLOCK_SECONDS * 1000);
    expect(await statusOf({ path: '/activation', device })).toBe(200);
  });

  test('is only what the upstream answers with 4xx: neither success, nor its own faults, nor what Weir refuses', async () => {
    const device = newDevice();
    for (const upstream of [200, 302, 500, 503]) {
      expect(await statusOf({ path: '/sign-in', device }, upstream)).toBe(upstream);
    }
    expect(await granted({ path: '/sign-up', device }, 4)).toBe(3);
    for (let refused = 0; refused < 4; refused++) expect(await statusOf({ path: '/sign-up', device })).toBe(429);
    for (let refused = 0; refused < 4; refused++) expect(await statusOf({ path: '/orders', device })).toBe(401);
    await sleep(300);
    expect(await statusOf({ path: '/activation', device })).toBe(200);
  });
});

// Last: it uses up the one address that all of this file comes from.
test('an address is limited under all of it, with whatever device it says it is and for 401s too', async () => {
  const statuses: number[] = [];
  for (let asked = 0; asked <= 100 && statuses.at(-1) !== 429; asked++) {
    statuses.push(await statusOf({ path: '/orders', device: newDevice(), key: 'garbage' }));
  }
  expect(statuses.slice(0, -1).filter((status) => status !== 401)).toEqual([]);
  expect(statuses.at(-1)).toBe(429);
  expect(await statusOf({ path: '/sign-up', device: newDevice() })).toBe(429);
  expect((await ask({ path: '/orders', device: newDevice(), key: await example.newKey() })).body).toContain(
    'rate_limited',
  );
});
