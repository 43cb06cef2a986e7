import { once } from 'node:events';
import { request as sendRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createQuery, openDatabase } from '../../src/database/open-database.ts';
import { RateLimitRequest, RateLimitServiceService } from '../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { CreatePlanRequest, PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import { IssueTokenRequest, TokenServiceService } from '../../src/generated/weir/admin/v1/token_service.ts';
import {
  QueryUsageRequest_GroupBy as GroupBy,
  UsageRow_Outcome as Outcome,
  QueryUsageRequest,
  QueryUsageRequest_Step as Step,
  UsageServiceService,
} from '../../src/generated/weir/admin/v1/usage_service.ts';
import { check, httpStatus } from '../support/clients/decision-calls.ts';
import type { Headers } from '../support/clients/grpc-client.ts';
import { newDatabase } from '../support/databases.ts';
import { type NewApiKey, TestNode } from '../support/node.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let url: string;
let node: TestNode;
let admin: Headers;
let user: Headers;
/** `accounts/…` of the user. */
let userName: string;
let key: NewApiKey;

beforeAll(async () => {
  url = await newDatabase();
  node = await TestNode.start({ DATABASE_URL: url, TRUSTED_PROXIES: '127.0.0.0/8' });
  admin = await node.signIn();
  const limits = [
    { name: 'burst', requests: 4, window: '1h', algorithm: 'sliding_window' },
    { name: 'day', requests: 3, window: '1d', algorithm: 'calendar', routes: ['search'] },
    { name: 'words', requests: 1000, window: '1d', algorithm: 'calendar', routes: ['generate'], settle: true },
  ];
  const plan = { displayName: 'Metered', features: ['export'], limits };
  const request = CreatePlanRequest.fromPartial({ planId: 'metered', plan });
  await node.admin.call(PlanServiceService.createPlan, request, admin);
  const credentials = { email: 'user@example.com', password: 'correct horse battery', displayName: '' };
  await node.admin.call(AuthServiceService.register, credentials);
  const { accessToken } = await node.admin.call(AuthServiceService.login, credentials);
  user = { authorization: `Bearer ${accessToken}` };
  userName = (await node.admin.call(AuthServiceService.getProfile, {}, user)).name;
  key = await node.createKey(admin, 'metered', { account: userName });
  await useKey();
});
afterAll(() => node?.stop());

/** Decides on a node of its own, which writes what it has counted when it stops. */
async function useKey(): Promise<void> {
  const { token } = await node.admin.call(
    TokenServiceService.issueToken,
    IssueTokenRequest.fromPartial({ account: 'stateless', plan: 'plans/metered', ttl: '1h' }),
    admin,
  );
  const deciding = await TestNode.start({ DATABASE_URL: url, WEIR_ROLE: 'decision' });
  const ask = async (headers: Record<string, string>, extensions: Record<string, string> = {}) =>
    httpStatus(await check(deciding.decision, headers, extensions));
  const limit = (hits: number, ...entries: { key: string; value: string }[]) => {
    const request = RateLimitRequest.fromPartial({
      domain: 'plans',
      descriptors: [{ entries, hitsAddend: hits }],
    });
    return deciding.decision.call(RateLimitServiceService.shouldRateLimit, request);
  };
  const statuses = [];
  for (let index = 0; index < 4; index++) {
    statuses.push(await ask({ 'x-api-key': key.secret }, { 'weir.route': 'search' }));
  }
  expect(statuses).toEqual([200, 200, 200, 429]); // quota_exceeded
  statuses.length = 0;
  for (let index = 0; index < 3; index++) statuses.push(await ask({ 'x-api-key': key.secret }));
  expect(statuses).toEqual([200, 429, 429]); // rate_limited
  expect(await ask({ 'x-api-key': key.secret }, { 'weir.require': 'import' })).toBe(403);
  expect(await ask({})).toBe(401);
  expect(await ask({}, { 'weir.auth': 'optional' })).toBe(200);
  // The plan is charged by the rate limit service: Check records nothing.
  expect(await ask({ 'x-api-key': key.secret }, { 'weir.rate_limit': 'off' })).toBe(200);
  expect(await ask({ authorization: `Bearer ${token}` }, { 'weir.cost': '2' })).toBe(200);
  await limit(1, { key: 'api_key', value: key.name }, { key: 'route', value: 'search' });
  await limit(1, { key: 'api_key', value: 'unknown' });
  await deciding.stop();
}

const now = Date.now();
const range = { startTime: new Date(now - DAY_MS), endTime: new Date(now + 2 * HOUR_MS), step: Step.MONTH };

const queryUsage = (fields: Parameters<typeof QueryUsageRequest.fromPartial>[0], headers = admin) =>
  node.admin.call(
    UsageServiceService.queryUsage,
    QueryUsageRequest.fromPartial({ parent: userName, ...range, ...fields }),
    headers,
  );

describe('QueryUsage', () => {
  it('counts each request once, by the outcome that its sender saw', async () => {
    const { rows, warnings } = await queryUsage({});
    expect(warnings).toEqual([]);
    const totals = rows.map((row) => row.totals);
    expect(totals).toEqual([
      // 3 + 1 of Check; 1 + 1 beyond the quota by Check and by the rate limit service; 2 beyond the rate; 1 without a feature
      { requests: 9, allowed: 4, quotaExceeded: 2, rateLimited: 2, denied: 1, hits: 4 },
    ]);
  });

  it('splits buckets by outcome, route, key and plan', async () => {
    const { rows } = await queryUsage({
      groupBy: [GroupBy.OUTCOME, GroupBy.ROUTE, GroupBy.API_KEY, GroupBy.PLAN],
    });
    expect(new Set(rows.map(({ apiKey, plan }) => `${apiKey} ${plan}`))).toEqual(
      new Set([`${key.name} plans/metered`]),
    );
    expect(rows.map(({ route, outcome, totals }) => [route, outcome, totals?.requests])).toEqual([
      ['', Outcome.ALLOWED, 1],
      ['', Outcome.DENIED, 1],
      ['', Outcome.RATE_LIMITED, 2],
      ['search', Outcome.ALLOWED, 3],
      ['search', Outcome.QUOTA_EXCEEDED, 2],
    ]);
  });

  it('filters by route and outcome, and pages', async () => {
    const fields = { groupBy: [GroupBy.OUTCOME, GroupBy.ROUTE], pageSize: 2 };
    const first = await queryUsage(fields);
    const second = await queryUsage({ ...fields, pageToken: first.nextPageToken });
    const third = await queryUsage({ ...fields, pageToken: second.nextPageToken });
    const all = await queryUsage({ ...fields, pageSize: 0 });
    expect([...first.rows, ...second.rows, ...third.rows]).toEqual(all.rows);
    expect(third.nextPageToken).toBe('');
    const filtered = await queryUsage({ filter: 'route = search AND outcome = ALLOWED' });
    expect(filtered.rows.map(({ totals }) => [totals?.requests, totals?.allowed])).toEqual([[3, 3]]);
    expect((await queryUsage({ filter: 'route = elsewhere' })).rows).toEqual([]);
  });

  it('answers by the hour and by the day of a time zone', async () => {
    for (const [step, timeZone] of [
      [Step.HOUR, ''],
      [Step.DAY, 'Asia/Kolkata'],
      [Step.DAY, 'UTC'],
      [Step.MONTH, 'America/Los_Angeles'],
    ] as const) {
      const { rows } = await queryUsage({ step, timeZone });
      expect(rows.reduce((sum, { totals }) => sum + (totals?.requests ?? 0), 0)).toBe(9);
    }
  });

  it('shows administrators all accounts: also stateless ones, and requests that no credential assigns to one', async () => {
    const all = await queryUsage({ parent: 'accounts/-' });
    expect(all.rows.map(({ totals }) => totals)).toEqual([
      { requests: 13, allowed: 6, quotaExceeded: 2, rateLimited: 2, denied: 3, hits: 7 },
    ]);
    const stateless = await queryUsage({ parent: 'accounts/stateless' });
    expect(stateless.rows.map(({ totals }) => totals?.hits)).toEqual([2]);
  });

  it('shows users their own account alone', async () => {
    expect((await queryUsage({}, user)).rows).toEqual((await queryUsage({})).rows);
    await expect(queryUsage({ parent: 'accounts/admin' }, user)).rejects.toMatchObject({ code: status.NOT_FOUND });
    await expect(queryUsage({ parent: 'accounts/-' }, user)).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
  });

  it.each([
    ['an unknown zone', { timeZone: 'Mars/Phobos' }, 'time_zone'],
    ['an end before the start', { endTime: new Date(now - 2 * DAY_MS) }, 'end_time'],
    ['more than 10,000 buckets', { startTime: new Date(now - 500 * DAY_MS), step: Step.HOUR }, 'step'],
    ['no step', { step: Step.UNSPECIFIED }, 'step'],
    ['an unknown outcome', { filter: 'outcome = MAYBE' }, 'filter'],
    ['the page token of another query', { pageToken: 'WyJ4IiwwLCIiLCIiLCIiLCIiXQ' }, 'page_token'],
  ])('rejects %s', async (_, fields, field) => {
    await expect(queryUsage(fields)).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      message: expect.stringContaining(field),
    });
  });
});

describe('weir_active_accounts', () => {
  it('has the accounts with allowed requests of today and this month', async () => {
    // A node counts them when it starts, unless one has counted them within 10 minutes.
    const database = await openDatabase({ url });
    await createQuery(database)(`update usage_activity set claim_time = '-infinity'`, []);
    await database.close(true);
    const counting = await TestNode.start({ DATABASE_URL: url });
    // The user and the account of the stateless token. Requests without an account do not count.
    await expect.poll(() => counting.metrics()).toContain('weir_active_accounts{period="day"} 2\n');
    expect(await counting.metrics()).toContain('weir_active_accounts{period="month"} 2\n');
    await counting.stop();
  });
});

describe('GetUsage', () => {
  it('shows a user the plan, what is left of each limit, and totals, without any secret', async () => {
    const usage = await node.admin.call(UsageServiceService.getUsage, { name: `${key.name}/usage` }, user);
    expect(usage).toMatchObject({
      ...{ account: userName, plan: 'plans/metered', features: ['export'] },
      ...{ today: { allowed: 4, requests: 9 }, thisMonth: { allowed: 4, requests: 9 } },
    });
    // This node has counters of its own.
    expect(usage.limits.map(({ label, used, remaining }) => [label, used, remaining])).toEqual([
      ['plans/metered/burst', 0, 4],
      ['plans/metered/day', 0, 3],
      ['plans/metered/words', 0, 1000],
    ]);
    const account = await node.admin.call(UsageServiceService.getUsage, { name: `${userName}/usage` }, user);
    expect(account).toMatchObject({ plan: 'plans/free', today: { requests: 9 } });
  });

  it('knows no usage of others', async () => {
    for (const name of ['accounts/someone/usage', 'apiKeys/00000000-0000-4000-8000-000000000000/usage']) {
      const call = node.admin.call(UsageServiceService.getUsage, { name }, user);
      await expect(call).rejects.toMatchObject({ code: status.NOT_FOUND });
    }
    const call = node.admin.call(UsageServiceService.getUsage, { name: userName }, user);
    await expect(call).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  });
});

/** Asks with a header that is sent twice: `fetch` would join its values. */
async function askRepeated(name: string, value: string) {
  const headers = { [name]: [value, value] };
  const request = sendRequest({ host: '127.0.0.1', port: node.app.ports.http, path: '/v1/quota', headers }).end();
  const [response] = await once(request, 'response');
  return { status: response.statusCode, challenge: response.headers['www-authenticate'], body: await text(response) };
}

describe('/v1/quota', () => {
  it('says what is left of the limits of a key or token, and charges nothing', async () => {
    await check(node.decision, { 'x-api-key': key.secret }, { 'weir.route': 'search' });
    for (const headers of [{ 'x-api-key': key.secret }, { authorization: `Bearer ${key.secret}` }]) {
      const response = await node.fetch('/v1/quota', { headers });
      expect(response.status).toBe(200);
      const quotas = (await response.json()) as Record<string, unknown>[];
      expect(quotas).toMatchObject([
        { limit: 'plans/metered/burst', window: '3600s', limit_value: 4, used: 1, remaining: 3 },
        { limit: 'plans/metered/day', window: '86400s', limit_value: 3, used: 1, remaining: 2 },
        {
          limit: 'plans/metered/words',
          window: '86400s',
          limit_value: 1000,
          used: 0,
          remaining: 1000,
          reset_seconds: 0,
        },
      ]);
      expect(quotas[0]?.reset_seconds).toBeGreaterThan(3_500);
    }
    const response = await node.fetch('/v1/quota', { headers: user });
    expect(await response.json()).toMatchObject([{ limit: 'plans/free/minute' }, { limit: 'plans/free/day' }]);
  });

  it('passes over an empty header, as Check does', async () => {
    const headers = { 'x-api-key': '', authorization: `Bearer ${key.secret}` };
    expect((await node.fetch('/v1/quota', { headers })).status).toBe(200);
  });

  it('denies what Check denies', async () => {
    for (const headers of [{}, { 'x-api-key': 'nonsense' }, { authorization: 'Bearer a.b.c' }]) {
      const response = await node.fetch('/v1/quota', { headers });
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ error: { message: expect.any(String) } });
    }
    for (const [name, value] of [
      ['x-api-key', key.secret],
      ['authorization', `Bearer ${key.secret}`],
    ] as const) {
      const { status, challenge, body } = await askRepeated(name, value);
      expect([status, challenge, body]).toEqual([
        401,
        'Bearer realm="api"',
        expect.stringContaining('more than one value'),
      ]);
      expect(JSON.parse(body)).toMatchObject({ error: { code: 'malformed_credential' } });
    }
    const disabled = await node.createKey(admin, 'metered', { disabled: true });
    const response = await node.fetch('/v1/quota', { headers: { 'x-api-key': disabled.secret } });
    expect(response.status).toBe(403);
  });

  it('denies a key that may not be used from the address of the client', async () => {
    const { secret } = await node.createKey(admin, 'metered', { allowedNetworks: ['192.0.2.0/24', '2001:db8::/32'] });
    const ask = (address: string) =>
      node.fetch('/v1/quota', { headers: { 'x-api-key': secret, 'x-forwarded-for': address } });
    for (const address of ['192.0.2.7', '2001:db8::7']) expect((await ask(address)).status).toBe(200);
    for (const address of ['198.51.100.7', '192.0.2.7, 198.51.100.7', '']) {
      const response = await ask(address);
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ error: { code: 'forbidden_network' } });
    }
  });
});
