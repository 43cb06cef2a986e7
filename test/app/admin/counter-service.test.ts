import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis } from '../../../provision/redis.ts';
import { AccountEntity } from '../../../src/database/entities.ts';
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
import { becomesTrue } from '../../counters/redis/waiting.ts';
import { newDatabase } from '../../support/databases.ts';
import { check, httpStatus, shouldRateLimit } from '../../support/decision-calls.ts';
import type { Headers } from '../../support/grpc-client.ts';
import { TestNode } from '../../support/node.ts';

const [INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, UNIMPLEMENTED, UNAVAILABLE] = [3, 5, 7, 12, 14];
const HOUR_MS = 3_600_000;

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

function remainingOf({ limits }: Counter): Record<string, number> {
  return Object.fromEntries(limits.map(({ label, remaining }) => [label, remaining]));
}

describe.each(['memory', 'redis'])('counters in %s, for administrators', (kind) => {
  let folder: string;
  let environment: Record<string, string>;
  let node: TestNode;
  let other: TestNode;
  let administrator: Headers;
  let stopRedis: (() => Promise<unknown>) | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'weir-rules-'));
    await writeFile(path.join(folder, 'rules.yaml'), RULES);
    const redis = kind === 'redis' ? await startRedis() : undefined;
    stopRedis = redis?.stop;
    environment = { DATABASE_URL: await newDatabase(), RULES_PATH: folder, REDIS_URL: redis?.url ?? '' };
    node = await TestNode.start(environment);
    // In memory nodes share nothing, so that the other node is this one.
    other = kind === 'redis' ? await TestNode.start(environment) : node;
    for (const { app } of [node, other]) {
      const ready = async () => (await fetch(`http://127.0.0.1:${app.ports.http}/readyz`)).ok;
      await becomesTrue(ready);
    }
    administrator = await node.signIn();
  });
  afterAll(async () => {
    await node?.stop();
    if (other !== node) await other?.stop();
    await stopRedis?.();
    await rm(folder, { recursive: true, force: true });
  });

  const get = (subject: CounterSubject, limit = '') =>
    node.admin.call(Counters.getCounter, { subject, limit }, administrator);
  const reset = (subject: CounterSubject, limit = '') =>
    node.admin.call(Counters.resetCounter, { subject, limit }, administrator);
  const block = (subject: CounterSubject, duration = '1h', limit = '') =>
    node.admin.call(Counters.blockCounter, { subject, limit, duration }, administrator);
  const unblock = (subject: CounterSubject, limit = '') =>
    node.admin.call(Counters.unblockCounter, { subject, limit }, administrator);
  const ask = async (at: TestNode, key: string, value: string) =>
    (await shouldRateLimit(at.decision, 'shop', [key, value])).overallCode;

  it('are told without a charge', async () => {
    await ask(node, 'path', '/told');
    for (let i = 0; i < 3; i++) {
      const counter = await get(descriptor('shop', ['path', '/told']));
      expect(remainingOf(counter)).toEqual({ 'shop.path/burst': 2, 'shop.path/day': 99 });
      expect(counter.limits[0]).toMatchObject({
        limit: { name: 'burst', requests: 3, window: '3600s', algorithm: 'sliding_window' },
        blocked: false,
        blockEndTime: undefined,
      });
      const resetIn = (counter.limits[0]?.resetTime?.getTime() ?? 0) - Date.now();
      expect(resetIn).toBeGreaterThan(0.9 * HOUR_MS);
      expect(resetIn).toBeLessThan(1.1 * HOUR_MS);
    }
    expect(remainingOf(await get(descriptor('shop', ['path', '/told']), 'day'))).toEqual({ 'shop.path/day': 99 });
    expect(remainingOf(await get(descriptor('shop', ['path', '/told']), 'shop.path/burst'))).toEqual({
      'shop.path/burst': 2,
    });
  });

  it('of values that share a wildcard are one', async () => {
    await ask(node, 'file', '/files/a');
    expect(remainingOf(await get(descriptor('shop', ['file', '/files/b'])))).toEqual({ 'shop.file_/files/*': 4 });
  });

  it('begin anew by a reset, on every node', async () => {
    const subject = descriptor('shop', ['path', '/reset']);
    for (let i = 0; i < 3; i++) await ask(node, 'path', '/reset');
    for (const at of [node, other]) expect(await ask(at, 'path', '/reset')).toBe(Code.OVER_LIMIT);
    expect(remainingOf(await reset(subject, 'burst'))).toEqual({ 'shop.path/burst': 3 });
    // The other node may know of its refusal for 250 ms.
    await expect.poll(() => ask(other, 'path', '/reset'), { timeout: 1000, interval: 20 }).toBe(Code.OK);
    expect(await ask(node, 'path', '/reset')).toBe(Code.OK);
    expect(remainingOf(await get(subject))).toEqual({ 'shop.path/burst': 1, 'shop.path/day': 95 });
  });

  it('refuse while they are blocked, also where the limit has no block_for, and go on when they are unblocked', async () => {
    const subject = descriptor('shop', ['path', '/blocked']);
    await ask(node, 'path', '/blocked');
    const { limits } = await block(subject, '1h', 'day');
    expect(limits).toMatchObject([{ label: 'shop.path/day', remaining: 0, blocked: true }]);
    const endsIn = (limits[0]?.blockEndTime?.getTime() ?? 0) - Date.now();
    expect(Math.abs(endsIn - HOUR_MS)).toBeLessThan(60_000);
    for (const at of [node, other]) expect(await ask(at, 'path', '/blocked')).toBe(Code.OVER_LIMIT);
    expect(await ask(other, 'path', '/somebody-else')).toBe(Code.OK);
    const after = await unblock(subject);
    expect(remainingOf(after)).toEqual({ 'shop.path/burst': 2, 'shop.path/day': 99 });
    expect(after.limits.map(({ blocked }) => blocked)).toEqual([false, false]);
    await expect.poll(() => ask(other, 'path', '/blocked'), { timeout: 1000, interval: 20 }).toBe(Code.OK);
  });

  it('that a node took slices of are blocked there within a second', async () => {
    const subject = descriptor('shop', ['hot', 'a']);
    const load = async () => {
      await Promise.all(Array.from({ length: 40 }, () => ask(other, 'hot', 'a')));
    };
    for (let i = 0; i < 10; i++) await load();
    await block(subject);
    await sleep(1000);
    expect(await ask(other, 'hot', 'a')).toBe(Code.OVER_LIMIT);
    await reset(subject);
    await expect.poll(() => ask(other, 'hot', 'a'), { timeout: 1000, interval: 20 }).toBe(Code.OK);
  });

  it('of a key are those of its plan and its own, and Check follows', async () => {
    await node.createPlan(administrator, `team-${kind}`, 5);
    const own = Limit.create({ name: 'burst', requests: 2, window: '1h', onStoreFailure: 'deny' });
    const { name, secret } = await node.createKey(administrator, `team-${kind}`, { limits: [own] });
    const labels = [`plans/team-${kind}/burst`, `${name}/burst`];
    for (const expected of [200, 200, 429]) {
      expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(expected);
    }
    expect(remainingOf(await get(apiKey(name)))).toEqual({ [labels[0] ?? '']: 3, [labels[1] ?? '']: 0 });
    await reset(apiKey(name), labels[1]);
    expect(remainingOf(await get(apiKey(name), 'burst'))).toEqual({ [labels[0] ?? '']: 3, [labels[1] ?? '']: 2 });
    expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(200);
    await block(apiKey(name), '10s', labels[0]);
    expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(429);
    await unblock(apiKey(name));
    expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(200);
  });

  it('of an account are those of its plan, and are not for everybody', async () => {
    const id = randomUUID();
    const user = { email: `${kind}@example.com`, password: 'a long enough password' };
    const database = await openDatabase({ url: environment.DATABASE_URL ?? '' });
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
    const asked = async () => (await shouldRateLimit(node.decision, 'plans', ['account', id])).overallCode;
    await expect.poll(asked, { timeout: 5000 }).toBe(Code.OK);
    expect(Object.values(remainingOf(await get(subject)))).toEqual([59, 999]);
    const { accessToken } = await node.admin.call(AuthServiceService.login, user);
    const headers = { authorization: `Bearer ${accessToken}` };
    const request = BlockCounterRequest.fromPartial({ subject, duration: '1h' });
    for (const method of [Counters.getCounter, Counters.resetCounter, Counters.blockCounter, Counters.unblockCounter]) {
      expect((await node.admin.callAndFail<BlockCounterRequest, Counter>(method, request, headers)).code).toBe(
        PERMISSION_DENIED,
      );
    }
    expect(Object.values(remainingOf(await get(subject)))).toEqual([59, 999]);
  });

  it.each<[string, number, string, Partial<BlockCounterRequest>]>([
    ['no subject', INVALID_ARGUMENT, 'subject', {}],
    ['no domain', INVALID_ARGUMENT, 'subject.descriptor.domain', { subject: descriptor('', ['path', '/a']) }],
    ['no entries', INVALID_ARGUMENT, 'subject.descriptor.entries', { subject: descriptor('shop') }],
    ['a secret for a name', INVALID_ARGUMENT, 'subject.api_key', { subject: apiKey('wk_live_0000') }],
    [
      'a limit that is not there',
      INVALID_ARGUMENT,
      'shop.path/burst',
      { subject: descriptor('shop', ['path', '/a']), limit: 'x' },
    ],
    ['nothing that is counted', INVALID_ARGUMENT, 'nothing limits it', { subject: descriptor('shop', ['free', '']) }],
    ['no rule', NOT_FOUND, 'shop', { subject: descriptor('shop', ['path', '/a'], ['more', '']) }],
    ['no key', NOT_FOUND, 'apiKeys/', { subject: apiKey('apiKeys/00000000-0000-0000-0000-000000000000') }],
    ['no duration', INVALID_ARGUMENT, 'duration', { subject: descriptor('shop', ['path', '/a']), duration: '' }],
    [
      'no such duration',
      INVALID_ARGUMENT,
      'duration',
      { subject: descriptor('shop', ['path', '/a']), duration: '4000d' },
    ],
  ])('are refused with the field named: %s', async (_, code, said, request) => {
    const whole = BlockCounterRequest.fromPartial({ duration: '1h', ...request });
    const failure = await node.admin.callAndFail(Counters.blockCounter, whole, administrator);
    expect(failure.code).toBe(code);
    expect(failure.details).toContain(said);
    expect(failure.details).not.toContain('wk_live_0000');
  });

  it.runIf(kind === 'redis')('are not served by decision nodes, and told to be away when they are', async () => {
    const reading = await TestNode.start({ ...environment, WEIR_ROLE: 'decision' });
    const request = GetCounterRequest.fromPartial({ subject: descriptor('shop', ['path', '/a']) });
    const refused = await reading.admin.callAndFail(Counters.getCounter, request, administrator);
    await reading.stop();
    expect(refused.code).toBe(UNIMPLEMENTED);
    await stopRedis?.();
    const attempts = [Counters.getCounter, Counters.resetCounter].map(async (method) => {
      const failure: ServiceError = await node.admin.callAndFail(method, request, administrator);
      return failure.code;
    });
    expect(await Promise.all(attempts)).toEqual([UNAVAILABLE, UNAVAILABLE]);
  });
});
