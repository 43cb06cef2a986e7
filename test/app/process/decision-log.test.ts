import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RateLimitRequest, RateLimitServiceService } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { ApiKeyServiceService, CreateApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { CreatePlanRequest, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { check, httpStatus, parseDenial } from '../../support/clients/decision-calls.ts';
import { GrpcClient } from '../../support/clients/grpc-client.ts';
import { newDatabase } from '../../support/databases.ts';
import { ADMINISTRATOR, NODE_SECRETS } from '../../support/node.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { startWeirProcess } from '../../support/weir-process.ts';

const RULES = `
domain: shop
descriptors:
  - { key: user, rate_limit: { name: burst, requests: 1, window: 1h } }
  - { key: remote_address, rate_limit: { requests: 1, window: 1h } }
`;

type Fields = Readonly<Record<string, unknown>>;

let folder: string;
let started: Awaited<ReturnType<typeof startWeirProcess>>;
let decision: GrpcClient;
let admin: GrpcClient;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-decision-log-'));
  await writeFile(path.join(folder, 'rules.yaml'), RULES);
});
afterEach(async () => {
  decision.close();
  admin.close();
  started.weir.readAgain();
  if (!started.weir.hasExited) await started.weir.stop();
  await rm(folder, { recursive: true, force: true });
});

async function start(decisionLog: string): Promise<void> {
  started = await startWeirProcess({
    DATABASE_URL: await newDatabase(),
    DATA_DIR: path.join(folder, 'data'),
    RULES_PATH: path.join(folder, 'rules.yaml'),
    ...NODE_SECRETS,
    DECISION_LOG: decisionLog,
  });
  decision = new GrpcClient(started.ports.decision);
  admin = new GrpcClient(started.ports.admin);
}

/** Creates a key of a plan with one request a day. */
async function createKey(): Promise<{ readonly id: string; readonly account: string; readonly secret: string }> {
  const { accessToken } = await admin.call(AuthServiceService.login, ADMINISTRATOR);
  const headers = { authorization: `Bearer ${accessToken}` };
  const plan = { displayName: 'tiny', limits: [{ name: 'day', requests: 1, window: '1d' }] };
  await admin.call(PlanServiceService.createPlan, CreatePlanRequest.fromPartial({ planId: 'tiny', plan }), headers);
  const request = CreateApiKeyRequest.fromPartial({ apiKey: { displayName: 'test', plan: 'plans/tiny' } });
  const { apiKey, secret } = await admin.call(ApiKeyServiceService.createApiKey, request, headers);
  return { id: lastSegment(apiKey?.name), account: lastSegment(apiKey?.account), secret };
}

function lastSegment(name = ''): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

function ask(domain: string, entries: Readonly<Record<string, string>>, requestId: string): Promise<unknown> {
  const descriptor = { entries: Object.entries(entries).map(([key, value]) => ({ key, value })) };
  const request = RateLimitRequest.fromPartial({ domain, descriptors: [descriptor] });
  return decision.call(RateLimitServiceService.shouldRateLimit, request, { 'x-request-id': requestId });
}

async function askOften(requestId: string): Promise<void> {
  await Promise.all(Array.from({ length: 2_000 }, (_, index) => ask('shop', { user: `u${index}` }, requestId)));
}

/** The lines of the decision log, without their common fields. */
function decisions(): readonly Fields[] {
  const lines = started.weir.printed.split('\n').filter((line) => line.includes('"msg":"decision"'));
  return lines.map((line) => {
    const { time, level, process, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
    expect([level, process, msg]).toEqual(['info', 'decision', 'decision']);
    expect(Math.abs(Date.parse(String(time)) - Date.now())).toBeLessThan(60_000);
    return fields;
  });
}

async function readDropped(): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${started.ports.http}/metrics`)).text();
  return Number(/^weir_log_lines_dropped_total (\d+)$/m.exec(metrics)?.[1]);
}

describe('DECISION_LOG', () => {
  it('says why requests were refused, and whose they were', async () => {
    await start('refused');
    const { id, account, secret } = await createKey();
    const byKey = { 'x-api-key': secret };
    const owner = { account, api_key: id, plan: 'tiny' };
    const byPlan = { verdict: 'denied', code: 'quota_exceeded', rule: 'plans/tiny', limit: 'day', remaining: 0 };
    // Another second could begin between two answers.
    const rest = { retry_after_seconds: expect.any(Number), source: 'memory' };

    await check(decision, { ...byKey, 'x-request-id': 'passes' }, { 'weir.route': 'search' });
    await check(decision, { ...byKey, 'x-request-id': 'over' }, { 'weir.route': 'search' });
    await ask('plans', { api_key: id, route: 'search' }, 'over in plans');
    await ask('shop', { user: 'ada' }, 'passes in shop');
    await ask('shop', { user: 'ada' }, 'over in shop');
    await ask('plans', { api_key: 'nobody' }, 'unknown');
    await waitUntil(() => decisions().length >= 4);

    expect(decisions()).toEqual([
      { question: 'check', request_id: 'over', ...owner, route: 'search', ...byPlan, ...rest },
      { question: 'rate_limit', request_id: 'over in plans', ...owner, route: 'search', ...byPlan, ...rest },
      {
        question: 'rate_limit',
        request_id: 'over in shop',
        verdict: 'denied',
        code: 'rate_limited',
        rule: 'shop.user',
        limit: 'burst',
        remaining: 0,
        ...rest,
      },
      { question: 'rate_limit', request_id: 'unknown', verdict: 'denied', code: 'unknown_credential', source: 'rules' },
    ]);
  });

  it('names the fault of a credential and the id in its denial, but no secret and no address', async () => {
    await start('all');
    const { secret } = await createKey();
    const wrong = `${secret.slice(0, -1)}${secret.endsWith('A') ? 'B' : 'A'}`;
    const denial = await check(decision, { 'x-api-key': wrong, 'x-device': 'a device' }, {}, '203.0.113.9');
    await check(decision, { authorization: `Bearer ${secret}` }, {}, '203.0.113.9');
    await ask('shop', { remote_address: '203.0.113.9' }, 'of an address');
    await waitUntil(() => decisions().length >= 3);

    const [refused, allowed, counted] = decisions();
    const requestId = parseDenial(denial)?.request_id;
    const fault = { code: 'malformed_credential', fault: 'api_key_checksum' };
    expect(refused).toEqual({
      question: 'check',
      request_id: requestId,
      verdict: 'denied',
      ...fault,
      source: 'catalog',
    });
    expect(allowed).toMatchObject({ verdict: 'allowed', plan: 'tiny', rule: 'plans/tiny', limit: 'day', remaining: 0 });
    expect(counted).toMatchObject({ verdict: 'allowed', rule: 'shop.remote_address' });
    for (const text of [secret, wrong, '203.0.113.9', 'a device']) expect(started.weir.printed).not.toContain(text);
  });

  it('logs nothing by default', async () => {
    await start('');
    await ask('shop', { user: 'ada' }, 'first');
    await ask('shop', { user: 'ada' }, 'second');
    expect(await started.weir.stop()).toBe(0);
    expect(decisions()).toEqual([]);
  });

  it('keeps neither decisions nor a stop waiting while nothing reads it, and counts what it drops', async () => {
    await start('all');
    started.weir.stopReading();
    // More than the queue and all buffers on the way hold.
    for (let round = 0; round < 30 && (await readDropped()) === 0; round++) await askOften(`round ${round}`);
    expect(await readDropped()).toBeGreaterThan(0);
    expect(httpStatus(await check(decision, {}))).toBe(401);

    started.weir.readAgain();
    await waitUntil(() => started.weir.printed.includes('"request_id":"round 0"'));
    await waitUntil(async () => {
      await ask('shop', { user: 'late' }, 'read again');
      return started.weir.printed.includes('"request_id":"read again"');
    });
    // Every line is whole.
    expect(decisions().length).toBeGreaterThan(10_000);

    started.weir.stopReading();
    for (let round = 0; round < 4; round++) await askOften('unread');
    started.weir.kill('SIGTERM');
    await waitUntil(() => started.weir.hasExited);
  });
});
