import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AUTHZ_AND_RATE_LIMIT_PATH, AUTHZ_ONLY_PATH } from '../../demo/checks/check.ts';
import { EXT_AUTHZ_FILTER, RATE_LIMIT_FILTER, setFilterField } from '../../demo/envoy-configuration.ts';
import { startEnvoy } from '../../demo/start-envoy.ts';
import { type RunningRedis, startRedisProcess } from '../../provision/redis.ts';
import type { Headers } from '../support/clients/grpc-client.ts';
import { newDatabase } from '../support/databases.ts';
import { sendThrough, WeirBehindEnvoy } from '../support/envoy/weir-behind-envoy.ts';

/** Well above every deadline, and well below the time after which a client gives up that nobody answers. */
const MAX_ANSWER_MS = 5000;
const ENVOY_TIMEOUTS = [
  setFilterField(EXT_AUTHZ_FILTER, ['grpc_service', 'timeout'], '0.25s'),
  setFilterField(RATE_LIMIT_FILTER, ['timeout'], '0.25s'),
];
const POLICIES = ['deny', 'local', 'allow'];

let redis: RunningRedis;
let weir: WeirBehindEnvoy;
let administrator: Headers;

beforeAll(async () => {
  redis = await startRedisProcess();
  const environment = { DATABASE_URL: await newDatabase(), REDIS_URL: redis.url, REDIS_DEADLINE_MS: '50' };
  weir = await WeirBehindEnvoy.start(environment);
  administrator = await weir.node.signIn();
  for (const policy of POLICIES) await weir.node.createPlan(administrator, policy, 2, policy);
}, 600_000);
afterAll(async () => {
  await weir?.stop();
  await redis?.stop();
});

/** Sends a request, which must be answered in time. Returns the status, and Weir's error code if there is one. */
async function send(origin: string, path: string, secret: string): Promise<string> {
  const start = performance.now();
  const { status, response } = await sendThrough(origin, { path, headers: [['x-api-key', secret]] });
  expect(performance.now() - start).toBeLessThan(MAX_ANSWER_MS);
  const isWeirError = response.headers['content-type'] === 'application/json' && status !== 200;
  return isWeirError ? `${status} ${JSON.parse(response.body).error.code}` : String(status);
}

describe('while Weir does not answer', () => {
  it('both filters of Envoy deny requests with 503, in time', async () => {
    const { secret } = await weir.node.createKey(administrator, 'allow');
    const silent = await listening(createServer((socket) => socket.on('error', () => undefined).resume()));
    const unreachable = await listening(createServer());
    await new Promise((resolve) => unreachable.close(resolve));
    for (const server of [silent, unreachable]) {
      const envoy = await startEnvoy({ weirPort: server.port, upstreamPort: weir.upstreamPort }, ...ENVOY_TIMEOUTS);
      try {
        for (const path of [AUTHZ_ONLY_PATH, AUTHZ_AND_RATE_LIMIT_PATH])
          expect(await send(envoy.origin, path, secret)).toBe('503');
      } finally {
        await envoy.stop();
      }
    }
    await new Promise((resolve) => silent.close(resolve));
  });
});

describe('while Redis does not answer', () => {
  let origin: string;
  const secrets: Record<string, string> = {};

  beforeAll(async () => {
    origin = await weir.envoy();
    for (const policy of POLICIES) {
      const { secret } = await weir.node.createKey(administrator, policy);
      secrets[policy] = secret;
      expect(await send(origin, AUTHZ_ONLY_PATH, secret)).toBe('200');
    }
    if (redis.pid !== undefined) process.kill(redis.pid, 'SIGSTOP');
  });
  afterAll(() => {
    if (redis.pid !== undefined) process.kill(redis.pid, 'SIGCONT');
  });

  it.each([
    ['deny', ['503 store_unavailable', '503 store_unavailable', '503 store_unavailable']],
    ['local', ['200', '429 rate_limited', '429 rate_limited']],
    ['allow', ['200', '200', '200']],
  ])('the limit’s on_store_failure decides, in time: %s', async (policy, expected) => {
    const answers = [];
    for (let time = 0; time < 3; time++) answers.push(await send(origin, AUTHZ_ONLY_PATH, secrets[policy] ?? ''));
    expect(answers).toEqual(expected);
  });

  it('requests without a valid key are denied, in time', async () => {
    expect(await send(origin, AUTHZ_ONLY_PATH, '')).toBe('401 missing_credential');
    expect(await send(origin, AUTHZ_ONLY_PATH, 'wk_live_wrong')).toBe('401 malformed_credential');
  });

  it('the rate limit filter denies requests whose limit says deny, in time', async () => {
    expect(await send(origin, AUTHZ_AND_RATE_LIMIT_PATH, secrets.deny ?? '')).toBe('429');
  });
});

// Last: it waits until Redis, which the tests before have stopped, is in use again.
describe('once Redis answers again', () => {
  it('limits hold as before', async () => {
    const { secret } = await weir.node.createKey(administrator, 'deny');
    const origin = await weir.envoy();
    const latest = performance.now() + 10_000;
    let first = await send(origin, AUTHZ_ONLY_PATH, secret);
    while (first !== '200' && performance.now() < latest) {
      await sleep(100);
      first = await send(origin, AUTHZ_ONLY_PATH, secret);
    }
    const answers = [first, await send(origin, AUTHZ_ONLY_PATH, secret), await send(origin, AUTHZ_ONLY_PATH, secret)];
    expect(answers).toEqual(['200', '200', '429 rate_limited']);
  });
});

async function listening(server: Server): Promise<Server & { readonly port: number }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a server that listens on TCP has such an address
  return Object.assign(server, { port });
}
