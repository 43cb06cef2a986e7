import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HttpResponse, sendOverHttp1 } from '../../demo/http-clients.ts';
import { newDatabase } from '../support/databases.ts';
import { EnvoyExample } from '../support/envoy-example.ts';
import { ANSWER } from '../support/held-upstream.ts';

/** Short enough to wait for. The example has a minute. */
const BLOCK_SECONDS = 3;

let example: EnvoyExample;
let origin: string;
let deviceCount = 0;

beforeAll(async () => {
  const shortenBlock = (rules: string) => rules.replace('block_for: 1m', `block_for: ${BLOCK_SECONDS}s`);
  example = await EnvoyExample.start('devices', await newDatabase(), shortenBlock);
  origin = (await example.envoy()).origin;
}, 600_000);
afterAll(() => example?.stop());

const newDevice = () => `device-${++deviceCount}`;

interface DeviceRequest {
  readonly path: string;
  readonly device?: string | undefined;
  readonly key?: string | undefined;
}

/** Sends a request. If it reaches the upstream, the upstream answers `upstreamStatus`. */
function send({ path, device, key }: DeviceRequest, upstreamStatus = 200): Promise<HttpResponse> {
  const headers: [string, string][] = [[ANSWER, String(upstreamStatus)]];
  if (device !== undefined) headers.push(['x-device-id', device]);
  if (key !== undefined) headers.push(['x-api-key', key]);
  return sendOverHttp1(origin, { path, headers });
}

const sendForStatus = async (request: DeviceRequest, upstreamStatus?: number) =>
  (await send(request, upstreamStatus)).status;

/** Sends up to `max` requests, until one is rejected. Returns how many passed before it. */
async function countGranted(request: DeviceRequest, max: number): Promise<number> {
  for (let count = 0; count < max; count++) if ((await sendForStatus(request)) === 429) return count;
  return max;
}

describe('routes that need a credential', () => {
  it('limit each device of an account on each route separately', async () => {
    const [key, device] = [await example.newKey(), newDevice()];
    expect(await countGranted({ path: '/reports', device, key }, 5)).toBe(2);
    expect(await sendForStatus({ path: '/orders', device, key })).toBe(200);
    expect(await sendForStatus({ path: '/reports', device: newDevice(), key })).toBe(200);
  });

  it('deny requests without one', async () => {
    expect(await sendForStatus({ path: '/orders', device: newDevice() })).toBe(401);
  });
});

describe('public routes', () => {
  it('limit a device without a credential', async () => {
    const device = newDevice();
    expect(await countGranted({ path: '/sign-up', device }, 5)).toBe(3);
    expect(await sendForStatus({ path: '/activation', device })).toBe(200);
    expect(await sendForStatus({ path: '/sign-up', device: newDevice() })).toBe(200);
  });

  it('have one limit for all requests without a device', async () => {
    expect(await countGranted({ path: '/sign-up' }, 5)).toBe(3);
  });
});

describe('failed requests', () => {
  /** Sends requests that the upstream answers with 401, each charged before the next one. */
  async function fail(device: string, times: number): Promise<void> {
    for (let failed = 0; failed < times; failed++) {
      expect(await sendForStatus({ path: '/sign-in', device }, 401)).toBe(401);
      await sleep(100); // the request is charged after its answer
    }
  }

  it('are counted separately: the fourth in 15 s blocks the device on all routes for a while', async () => {
    const device = newDevice();
    await fail(device, 3);
    expect(await sendForStatus({ path: '/sign-in', device })).toBe(200);
    await fail(device, 1);
    await expect.poll(() => sendForStatus({ path: '/sign-in', device })).toBe(429);
    expect(await sendForStatus({ path: '/activation', device })).toBe(429);
    expect(await sendForStatus({ path: '/activation', device: newDevice() })).toBe(200);
    await sleep(BLOCK_SECONDS * 1000);
    expect(await sendForStatus({ path: '/activation', device })).toBe(200);
  });

  it('are those that the upstream answers with 4xx, not its successes and 5xx, nor rejections by Weir', async () => {
    const device = newDevice();
    for (const upstreamStatus of [200, 302, 500, 503]) {
      expect(await sendForStatus({ path: '/sign-in', device }, upstreamStatus)).toBe(upstreamStatus);
    }
    expect(await countGranted({ path: '/sign-up', device }, 4)).toBe(3);
    for (let rejected = 0; rejected < 4; rejected++) {
      expect(await sendForStatus({ path: '/sign-up', device })).toBe(429);
    }
    for (let denied = 0; denied < 4; denied++) expect(await sendForStatus({ path: '/orders', device })).toBe(401);
    await sleep(300);
    expect(await sendForStatus({ path: '/activation', device })).toBe(200);
  });
});

// Last: it uses up the limit of the one address that all requests of this file come from.
describe('a client address', () => {
  it('has a limit below all others, for any device that it claims to be, and for requests answered with 401', async () => {
    const statuses: number[] = [];
    for (let sent = 0; sent <= 100 && statuses.at(-1) !== 429; sent++) {
      statuses.push(await sendForStatus({ path: '/orders', device: newDevice(), key: 'garbage' }));
    }
    expect(statuses.slice(0, -1).filter((status) => status !== 401)).toEqual([]);
    expect(statuses.at(-1)).toBe(429);
    expect(await sendForStatus({ path: '/sign-up', device: newDevice() })).toBe(429);
    const key = await example.newKey();
    expect((await send({ path: '/orders', device: newDevice(), key })).body).toContain('rate_limited');
  });
});
