import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BOTH_FILTERS, ONE_FILTER } from '../../demo/checks/check.ts';
import { EXT_AUTHZ, ofFilter, RATE_LIMIT, startEnvoy } from '../../demo/envoy.ts';
import { type RunningRedis, startRedisProcess } from '../../provision/redis.ts';
import { WeirBehindEnvoy, sendThrough } from '../support/weir-behind-envoy.ts';
import { newDatabase } from '../support/databases.ts';
import type { Headers } from '../support/grpc-client.ts';

/** Tests share two cores; what has no deadline takes longer than this, and the client then gives up. */
const SOON_MS = 5000;
const DEADLINES = [
  ofFilter(EXT_AUTHZ, ['grpc_service', 'timeout'], '0.25s'),
  ofFilter(RATE_LIMIT, ['timeout'], '0.25s'),
];

let redis: RunningRedis;
let weir: WeirBehindEnvoy;
let administrator: Headers;

beforeAll(async () => {
  redis = await startRedisProcess();
  weir = await WeirBehindEnvoy.start({ DATABASE_URL: await newDatabase(), REDIS_URL: redis.url, REDIS_DEADLINE_MS: '50' });
  administrator = await weir.node.signIn();
  for (const policy of ['deny', 'local', 'allow']) await weir.node.createPlan(administrator, policy, 2, policy);
}, 600_000);
afterAll(async () => {
  await weir?.stop();
  await redis?.stop();
});

/** Status and code of the answer, which must come soon. */
async function answerOf(origin: string, path: string, secret: string) {
  const start = performance.now();
  const { status, answer } = await sendThrough(origin, { path, headers: [['x-api-key', secret]] });
  expect(performance.now() - start).toBeLessThan(SOON_MS);
  const isRefusal = answer.headers['content-type'] === 'application/json' && status !== 200;
  return isRefusal ? `${status} ${JSON.parse(answer.body).error.code}` : String(status);
}

describe('every stage has a deadline and none of them ends in allow', () => {
  it('Envoy’s for Weir, be it silent, or away: nobody comes in, by either filter', async () => {
    const { secret } = await weir.node.createKey(administrator, 'allow');
    const silent = await listening(createServer((socket) => socket.on('error', () => undefined).resume()));
    const away = await listening(createServer());
    await new Promise((resolve) => away.close(resolve));
    for (const server of [silent, away]) {
      const envoy = await startEnvoy({ weirPort: server.port, upstreamPort: weir.upstreamPort }, ...DEADLINES);
      try {
        for (const path of [ONE_FILTER, BOTH_FILTERS]) {
          expect(await answerOf(envoy.origin, path, secret)).toBe('503');
        }
      } finally {
        await envoy.stop();
      }
    }
    await new Promise((resolve) => silent.close(resolve));
  });

  describe('Weir’s for Redis, which is silent', () => {
    let origin: string;
    const keys: Record<string, string> = {};

    beforeAll(async () => {
      origin = await weir.envoy();
      for (const policy of ['deny', 'local', 'allow']) {
        keys[policy] = (await weir.node.createKey(administrator, policy)).secret;
        expect(await answerOf(origin, ONE_FILTER, keys[policy])).toBe('200');
      }
      if (redis.pid !== undefined) process.kill(redis.pid, 'SIGSTOP');
    });
    afterAll(() => {
      if (redis.pid !== undefined) process.kill(redis.pid, 'SIGCONT');
    });

    it.each([
      ['deny', ['503 store_unavailable', '503 store_unavailable', '503 store_unavailable']],
      ['local', ['200', '200', '429 rate_limited']],
      ['allow', ['200', '200', '200']],
    ])('a limit’s policy %s decides, and nothing else', async (policy, expected) => {
      const answers = [];
      for (let time = 0; time < 3; time++) answers.push(await answerOf(origin, ONE_FILTER, keys[policy] ?? ''));
      expect(answers).toEqual(expected);
    });

    it('who has no key, or a wrong one, stays out', async () => {
      expect(await answerOf(origin, ONE_FILTER, '')).toBe('401 missing_credential');
      expect(await answerOf(origin, ONE_FILTER, 'wk_live_wrong')).toBe('401 malformed_credential');
    });

    it('the rate limit filter is told that nothing could be decided, and lets nobody in', async () => {
      expect(await answerOf(origin, BOTH_FILTERS, keys.deny ?? '')).toBe('503');
    });
  });

  it('and once Redis is there again, limits are what they were', async () => {
    const { secret } = await weir.node.createKey(administrator, 'deny');
    const origin = await weir.envoy();
    const latest = performance.now() + 10_000;
    let answer = await answerOf(origin, ONE_FILTER, secret);
    while (answer !== '200' && performance.now() < latest) {
      await sleep(100);
      answer = await answerOf(origin, ONE_FILTER, secret);
    }
    expect([answer, await answerOf(origin, ONE_FILTER, secret), await answerOf(origin, ONE_FILTER, secret)]).toEqual([
      '200',
      '200',
      '429 rate_limited',
    ]);
  });
});

async function listening(server: Server): Promise<Server & { readonly port: number }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a server that listens on TCP has such an address
  return Object.assign(server, { port });
}
