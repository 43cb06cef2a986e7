import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningRedis, startRedisProcess } from '../../../provision/redis.ts';
import { RedisStore } from '../../../src/counters/redis/redis-store.ts';
import { createDataPlane } from '../../../src/data-plane/data-plane.ts';
import { StoreUnavailable } from '../../../src/decide/ports.ts';
import { formatDescriptorSubject } from '../../../src/domain/counting/counter-subject.ts';
import { addRuleNode, createRuleNode } from '../../../src/domain/rules/rule-book.ts';
import { RateLimitRequest, RateLimitServiceService } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { createMetrics } from '../../../src/telemetry/metrics/metrics.ts';
import { type Http2GrpcServer, startHttp2GrpcServer } from '../../../src/transport/grpc-http2/http2-grpc-server.ts';
import { NodeUsageTally } from '../../../src/usage/usage-tally.ts';
import { silentLogger } from '../../counters/contract/clocked-stores.ts';
import { makeLimit } from '../../counters/model/builders.ts';
import { RECEIPT_KEYS } from '../../support/receipt-keys.ts';
import { waitUntil } from '../../support/wait-until.ts';

const LIMIT = makeLimit(10, '1h');
const ENTRIES = [{ key: 'user', value: 'ann' }];

let redis: RunningRedis;
let store: RedisStore;
let server: Http2GrpcServer;
let client: Client;

beforeAll(async () => {
  redis = await startRedisProcess();
  store = new RedisStore({ url: redis.url, logger: silentLogger, deadlineMs: 5000 });
  await waitUntil(() => store.ready);
  const domain = createRuleNode();
  const user = addRuleNode(domain, 'user', undefined);
  if (user !== undefined) user.rule = { path: 'shop.user', limits: [LIMIT] };
  const handler = createDataPlane({
    store,
    catalog: {
      keyBySecret: () => undefined,
      hasImportedKeys: false,
      importedKeyBySecret: () => undefined,
      key: () => undefined,
      account: () => undefined,
      plan: () => undefined,
      trust: { issuers: [], keys: [] },
      isRevoked: () => false,
      isTooStale: false,
      ...RECEIPT_KEYS,
    },
    rules: { book: new Map([['shop', domain]]) },
    tokens: {
      ownIssuer: 'weir',
      maxTokenBytes: 16_384,
      cached: () => undefined,
      verify: () => expect.fail('no token was sent'),
    },
    requests: {},
    answers: { rateLimitHeaders: 'all', checkErrors: 'deny', shadowMode: false },
    isServing: () => true,
    tally: createMetrics('1.2.3').decisions,
    usage: new NodeUsageTally(),
    lastUsed: { note: () => {} },
    log: { error: (_, message) => expect.fail(message) },
  });
  server = await startHttp2GrpcServer({ address: { host: '127.0.0.1', port: 0 }, maxConnections: 10, handler });
  client = new Client(`127.0.0.1:${server.address.port}`, credentials.createInsecure());
});
afterAll(async () => {
  client?.close();
  await server?.stop({ graceMs: 100 });
  await store?.close();
  await redis?.stop();
});

function startCall(domain = 'shop'): { readonly cancel: () => void; readonly code: Promise<number> } {
  const { path, requestSerialize, responseDeserialize } = RateLimitServiceService.shouldRateLimit;
  const request = RateLimitRequest.fromPartial({ domain, descriptors: [{ entries: ENTRIES }] });
  let cancel = () => {};
  const code = new Promise<number>((resolve) => {
    const call = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error) =>
      resolve(error?.code ?? 0),
    );
    cancel = () => call.cancel();
  });
  return { cancel, code };
}

async function readUsedHits(): Promise<number> {
  const [outcome] = await store.decide(
    [{ charges: [{ subject: formatDescriptorSubject('shop', ENTRIES), limit: LIMIT, hits: 0 }] }],
    undefined,
  );
  if (outcome === undefined || outcome instanceof StoreUnavailable) throw new Error('the counters are unavailable');
  return LIMIT.requests - (outcome.charges[0]?.remaining ?? Number.NaN);
}

it('refunds what was granted to calls that were cancelled before their response, and only that', async () => {
  expect(await startCall().code).toBe(0);
  expect(await readUsedHits()).toBe(1);
  process.kill(redis.pid ?? 0, 'SIGSTOP');
  const calls = Array.from({ length: 6 }, () => startCall());
  expect(await startCall('nothing limits this').code).toBe(0); // does not wait for the others
  await sleep(200); // until all of them wait for Redis
  for (const { cancel } of calls.slice(0, 4)) cancel();
  await sleep(200);
  process.kill(redis.pid ?? 0, 'SIGCONT');
  expect(await Promise.all(calls.map(({ code }) => code))).toEqual([1, 1, 1, 1, 0, 0]);
  await expect.poll(readUsedHits).toBe(3);
});
