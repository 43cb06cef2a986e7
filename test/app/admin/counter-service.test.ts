import { randomUUID } from 'node:crypto';
import type { ServiceError } from '@grpc/grpc-js';
import { describe, expect } from 'vitest';
import { AccountEntity } from '../../../src/database/entities/account-entity.ts';
import { openDatabase } from '../../../src/database/open-database.ts';
import { RateLimitResponse_Code as Code } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import {
  BlockCounterRequest,
  type Counter,
  type CounterSubject,
  CounterServiceService as Counters,
  GetCounterRequest,
} from '../../../src/generated/weir/admin/v1/counter_service.ts';
import { Limit } from '../../../src/generated/weir/admin/v1/limit.ts';
import { hashPassword } from '../../../src/identity/secrets/password.ts';
import { check, httpStatus, parseDenial, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { type Nodes, STORES, test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';
import { waitUntil } from '../../support/wait-until.ts';

const [INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, UNIMPLEMENTED, UNAVAILABLE] = [3, 5, 7, 12, 14];
const HOUR_MS = 3_600_000;
const SOON = { timeout: 20_000, interval: 20 };

const RULES = `domain: shop
descriptors:
  - key: path
    limits:
      - {name: burst, requests: 3, window: 1h}
      - {name: day, requests: 100, window: 1d, algorithm: calendar}
  - {key: file, value: /files/*, share_threshold: true, rate_limit: {requests: 5, window: 1h}}
  - {key: hot, rate_limit: {requests: 100000, window: 1h, lease: true}}
  - {key: free, rate_limit: {unlimited: true}}
`;

function descriptor(domain: string, ...entries: readonly (readonly [string, string])[]): CounterSubject {
  const value = { domain, entries: entries.map(([key, value]) => ({ key, value })) };
  return { subject: { $case: 'descriptor', value } };
}

function apiKey(name: string): CounterSubject {
  return { subject: { $case: 'apiKey', value: name } };
}

function mapRemaining({ limits }: Counter): Record<string, number> {
  return Object.fromEntries(limits.map(({ label, remaining }) => [label, remaining]));
}

const it = test
  .override('rules', RULES)
  .override('redis', { scope: 'file' }, ({ ownRedis }) => ownRedis)
  /** A further node on the same counters. In memory nodes share nothing, so there it is the same node. */
  .extend('others', { scope: 'file' }, async ({ node, redis, startNode }): Promise<Nodes> => {
    return { memory: node, redis: await startNode({ REDIS_URL: redis.url }) };
  });
it.beforeAll(async ({ nodes, others }) => {
  for (const node of [nodes.redis, others.redis]) await waitUntil(async () => (await node.fetch('/readyz')).ok);
});

describe.for(STORES)('the counter service with counters in %s', (kind) => {
  const get = (nodes: Nodes, administrator: Headers, subject: CounterSubject, limit = '') =>
    nodes[kind].admin.call(Counters.getCounter, { subject, limit }, administrator);
  const reset = (nodes: Nodes, administrator: Headers, subject: CounterSubject, limit = '') =>
    nodes[kind].admin.call(Counters.resetCounter, { subject, limit }, administrator);
  const block = (nodes: Nodes, administrator: Headers, subject: CounterSubject, duration = '1h', limit = '') =>
    nodes[kind].admin.call(Counters.blockCounter, { subject, limit, duration }, administrator);
  const unblock = (nodes: Nodes, administrator: Headers, subject: CounterSubject, limit = '') =>
    nodes[kind].admin.call(Counters.unblockCounter, { subject, limit }, administrator);
  const rateLimit = async (target: TestNode, key: string, value: string) =>
    (await shouldRateLimit(target.decision, 'shop', [key, value])).overallCode;

  it('returns a counter without charging it', async ({ nodes, administrator }) => {
    await rateLimit(nodes[kind], 'path', '/peeked');
    for (let i = 0; i < 3; i++) {
      const counter = await get(nodes, administrator, descriptor('shop', ['path', '/peeked']));
      expect(mapRemaining(counter)).toEqual({ 'shop.path/burst': 2, 'shop.path/day': 99 });
      expect(counter.limits[0]).toMatchObject({
        limit: { name: 'burst', requests: 3, window: '3600s', algorithm: 'sliding_window' },
        blocked: false,
        blockEndTime: undefined,
      });
      const resetIn = (counter.limits[0]?.resetTime?.getTime() ?? 0) - Date.now();
      expect(resetIn).toBeGreaterThan(0.9 * HOUR_MS);
      expect(resetIn).toBeLessThan(1.1 * HOUR_MS);
    }
    expect(mapRemaining(await get(nodes, administrator, descriptor('shop', ['path', '/peeked']), 'day'))).toEqual({
      'shop.path/day': 99,
    });
    expect(
      mapRemaining(await get(nodes, administrator, descriptor('shop', ['path', '/peeked']), 'shop.path/burst')),
    ).toEqual({
      'shop.path/burst': 2,
    });
  });

  it('returns one counter for values that share a wildcard', async ({ nodes, administrator }) => {
    await rateLimit(nodes[kind], 'file', '/files/a');
    expect(mapRemaining(await get(nodes, administrator, descriptor('shop', ['file', '/files/b'])))).toEqual({
      'shop.file_/files/*': 4,
    });
  });

  it('resets a counter on every node', async ({ nodes, others, administrator }) => {
    const subject = descriptor('shop', ['path', '/reset']);
    for (let i = 0; i < 3; i++) await rateLimit(nodes[kind], 'path', '/reset');
    for (const at of [nodes[kind], others[kind]]) expect(await rateLimit(at, 'path', '/reset')).toBe(Code.OVER_LIMIT);
    expect(mapRemaining(await reset(nodes, administrator, subject, 'burst'))).toEqual({ 'shop.path/burst': 3 });
    // The other node may repeat its rejection from memory for 250 ms.
    await expect.poll(() => rateLimit(others[kind], 'path', '/reset'), SOON).toBe(Code.OK);
    expect(await rateLimit(nodes[kind], 'path', '/reset')).toBe(Code.OK);
    expect(mapRemaining(await get(nodes, administrator, subject))).toEqual({
      'shop.path/burst': 1,
      'shop.path/day': 95,
    });
  });

  it('blocks a counter, with or without block_for, and unblocks it with its hits unchanged', async ({
    nodes,
    others,
    administrator,
  }) => {
    const subject = descriptor('shop', ['path', '/blocked']);
    await rateLimit(nodes[kind], 'path', '/blocked');
    const { limits } = await block(nodes, administrator, subject, '1h', 'day');
    expect(limits).toMatchObject([{ label: 'shop.path/day', remaining: 0, blocked: true }]);
    const endsIn = (limits[0]?.blockEndTime?.getTime() ?? 0) - Date.now();
    expect(Math.abs(endsIn - HOUR_MS)).toBeLessThan(60_000);
    for (const at of [nodes[kind], others[kind]]) expect(await rateLimit(at, 'path', '/blocked')).toBe(Code.OVER_LIMIT);
    expect(await rateLimit(others[kind], 'path', '/somebody-else')).toBe(Code.OK);
    const after = await unblock(nodes, administrator, subject);
    expect(mapRemaining(after)).toEqual({ 'shop.path/burst': 2, 'shop.path/day': 99 });
    expect(after.limits.map(({ blocked }) => blocked)).toEqual([false, false]);
    await expect.poll(() => rateLimit(others[kind], 'path', '/blocked'), SOON).toBe(Code.OK);
  });

  it('blocks a leased counter on the nodes that hold slices of it', async ({ nodes, others, administrator }) => {
    const subject = descriptor('shop', ['hot', 'a']);
    const load = async () => {
      await Promise.all(Array.from({ length: 40 }, () => rateLimit(others[kind], 'hot', 'a')));
    };
    for (let i = 0; i < 10; i++) await load();
    await block(nodes, administrator, subject);
    await expect.poll(() => rateLimit(others[kind], 'hot', 'a'), SOON).toBe(Code.OVER_LIMIT);
    await reset(nodes, administrator, subject);
    await expect.poll(() => rateLimit(others[kind], 'hot', 'a'), SOON).toBe(Code.OK);
  });

  it('finds the counters of an API key: those of its plan and its own, as Check uses them', async ({
    nodes,
    administrator,
  }) => {
    await nodes[kind].createPlan(administrator, `team-${kind}`, 5);
    const own = Limit.create({ name: 'burst', requests: 2, window: '1h', onStoreFailure: 'deny' });
    const { name, secret } = await nodes[kind].createKey(administrator, `team-${kind}`, { limits: [own] });
    const labels = [`plans/team-${kind}/burst`, `${name}/burst`];
    for (const expected of [200, 200, 429]) {
      expect(httpStatus(await check(nodes[kind].decision, { 'x-api-key': secret }))).toBe(expected);
    }
    expect(mapRemaining(await get(nodes, administrator, apiKey(name)))).toEqual({
      [labels[0] ?? '']: 3,
      [labels[1] ?? '']: 0,
    });
    await reset(nodes, administrator, apiKey(name), labels[1]);
    expect(mapRemaining(await get(nodes, administrator, apiKey(name), 'burst'))).toEqual({
      [labels[0] ?? '']: 3,
      [labels[1] ?? '']: 2,
    });
    expect(httpStatus(await check(nodes[kind].decision, { 'x-api-key': secret }))).toBe(200);
    await block(nodes, administrator, apiKey(name), '10s', labels[0]);
    expect(httpStatus(await check(nodes[kind].decision, { 'x-api-key': secret }))).toBe(429);
    await unblock(nodes, administrator, apiKey(name));
    expect(httpStatus(await check(nodes[kind].decision, { 'x-api-key': secret }))).toBe(200);
  });

  it('lets Check deny a blocked calendar limit as rate_limited, because its quota is not used up', async ({
    nodes,
    administrator,
  }) => {
    const { name, secret } = await nodes[kind].createKey(administrator, 'free', {
      limits: [Limit.create({ name: 'year', requests: 2, window: '1y', algorithm: 'calendar' })],
    });
    const deny = async () => parseDenial(await check(nodes[kind].decision, { 'x-api-key': secret }))?.code;
    await block(nodes, administrator, apiKey(name), '10s', 'year');
    expect(await deny()).toBe('rate_limited');
    await unblock(nodes, administrator, apiKey(name));
    expect([await deny(), await deny(), await deny()]).toEqual([undefined, undefined, 'quota_exceeded']);
    await block(nodes, administrator, apiKey(name), '10s', 'year');
    expect(await deny()).toBe('quota_exceeded');
  });

  it('finds the counters of an account, for administrators only', async ({ nodes, administrator, databaseUrl }) => {
    const id = randomUUID();
    const user = { email: `${kind}@example.com`, password: 'a long enough password' };
    const database = await openDatabase({ url: databaseUrl });
    const em = database.em.fork();
    em.create(AccountEntity, {
      id,
      email: user.email,
      passwordHash: await hashPassword(user.password),
      role: 'user',
      planId: 'free',
    });
    await em.flush();
    await database.close(true);
    const subject: CounterSubject = { subject: { $case: 'account', value: `accounts/${id}` } };
    const rateLimit = async () => (await shouldRateLimit(nodes[kind].decision, 'plans', ['account', id])).overallCode;
    await expect.poll(rateLimit, { timeout: 20_000 }).toBe(Code.OK);
    expect(Object.values(mapRemaining(await get(nodes, administrator, subject)))).toEqual([59, 999]);
    const { accessToken } = await nodes[kind].admin.call(AuthServiceService.login, user);
    const headers = { authorization: `Bearer ${accessToken}` };
    const request = BlockCounterRequest.fromPartial({ subject, duration: '1h' });
    for (const method of [Counters.getCounter, Counters.resetCounter, Counters.blockCounter, Counters.unblockCounter]) {
      expect((await nodes[kind].admin.callAndFail<BlockCounterRequest, Counter>(method, request, headers)).code).toBe(
        PERMISSION_DENIED,
      );
    }
    expect(Object.values(mapRemaining(await get(nodes, administrator, subject)))).toEqual([59, 999]);
  });

  it.for<[string, number, string, Partial<BlockCounterRequest>]>([
    ['no subject', INVALID_ARGUMENT, 'subject', {}],
    ['no domain', INVALID_ARGUMENT, 'subject.descriptor.domain', { subject: descriptor('', ['path', '/a']) }],
    ['no entries', INVALID_ARGUMENT, 'subject.descriptor.entries', { subject: descriptor('shop') }],
    ['a secret for a name', INVALID_ARGUMENT, 'subject.api_key', { subject: apiKey('wk_live_0000') }],
    [
      'an unknown limit',
      INVALID_ARGUMENT,
      'shop.path/burst',
      { subject: descriptor('shop', ['path', '/a']), limit: 'x' },
    ],
    [
      'an unlimited rule',
      INVALID_ARGUMENT,
      'must have at least one limit',
      { subject: descriptor('shop', ['free', '']) },
    ],
    ['no rule', NOT_FOUND, 'shop', { subject: descriptor('shop', ['path', '/a'], ['more', '']) }],
    ['no key', NOT_FOUND, 'apiKeys/', { subject: apiKey('apiKeys/00000000-0000-0000-0000-000000000000') }],
    ['no duration', INVALID_ARGUMENT, 'duration', { subject: descriptor('shop', ['path', '/a']), duration: '' }],
    [
      'a duration that is too long',
      INVALID_ARGUMENT,
      'duration',
      { subject: descriptor('shop', ['path', '/a']), duration: '4000d' },
    ],
  ])('rejects a request and names the field: %s', async ([_, code, detail, request], { nodes, administrator }) => {
    const whole = BlockCounterRequest.fromPartial({ duration: '1h', ...request });
    const failure = await nodes[kind].admin.callAndFail(Counters.blockCounter, whole, administrator);
    expect(failure.code).toBe(code);
    expect(failure.details).toContain(detail);
    expect(failure.details).not.toContain('wk_live_0000');
  });
});

it('a decision node changes no counter; an administration node reports UNAVAILABLE without Redis', async ({
  administrator,
  startNode,
  redis,
  redisNode,
}) => {
  const reading = await startNode({ WEIR_ROLE: 'decision', REDIS_URL: redis.url });
  const request = GetCounterRequest.fromPartial({ subject: descriptor('shop', ['path', '/a']) });
  const denied = await reading.admin.callAndFail(Counters.resetCounter, request, administrator);
  expect(denied.code).toBe(UNIMPLEMENTED);
  await redis.stop();
  const attempts = [Counters.getCounter, Counters.resetCounter].map(async (method) => {
    const failure: ServiceError = await redisNode.admin.callAndFail(method, request, administrator);
    return failure.code;
  });
  expect(await Promise.all(attempts)).toEqual([UNAVAILABLE, UNAVAILABLE]);
});
