import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CheckRequest } from '../../../src/generated/envoy/service/auth/v3/external_auth.ts';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { ApiKeyServiceService, UpdateApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { BlockCounterRequest, CounterServiceService } from '../../../src/generated/weir/admin/v1/counter_service.ts';
import {
  type ExplainRequest,
  ExplainResponse,
  ExplainServiceService,
  LimitExplanation_Use as Use,
  MatchStep_Way as Way,
} from '../../../src/generated/weir/admin/v1/explain_service.ts';
import { Limit } from '../../../src/generated/weir/admin/v1/limit.ts';
import { newDatabase } from '../../support/databases.ts';
import { check, httpStatus, shouldRateLimit } from '../../support/decision-calls.ts';
import type { Headers } from '../../support/grpc-client.ts';
import { TestNode } from '../../support/node.ts';

const [INVALID_ARGUMENT, NOT_FOUND, UNAUTHENTICATED] = [3, 5, 16];

const SHOP = `domain: shop
descriptors:
  - key: path
    value: /login
    limits: [{name: burst, requests: 2, window: 1h}, {name: day, requests: 100, window: 1d, algorithm: calendar}]
  - {key: path, value: "/*", rate_limit: {requests: 9, window: 1h}}
  - {key: shadow, shadow_mode: true, rate_limit: {name: dark, requests: 1, window: 1h}}
  - {key: better, rate_limit: {name: better, requests: 9, window: 1h, replaces: [{name: burst}]}}
  - {key: free, rate_limit: {unlimited: true}}
`;
const EDGE = `domain: edge
descriptors:
  - {key: remote_address, rate_limit: {requests: 1000, window: 1h}}
`;

let folder: string;
let node: TestNode;
let administrator: Headers;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-rules-'));
  await writeFile(path.join(folder, 'shop.yaml'), SHOP);
  await writeFile(path.join(folder, 'edge.yaml'), EDGE);
  node = await TestNode.start({ DATABASE_URL: await newDatabase(), RULES_PATH: folder });
  administrator = await node.signIn();
  await node.createPlan(administrator, 'team', 5);
});
afterAll(async () => {
  await node?.stop();
  await rm(folder, { recursive: true, force: true });
});

function explain(question: ExplainRequest['question']): Promise<ExplainResponse> {
  return node.admin.call(ExplainServiceService.explain, { question }, administrator);
}

function rateLimit(domain: string, ...descriptors: readonly (readonly [string, string])[]): Promise<ExplainResponse> {
  const each = descriptors.map(([key, value]) => ({ entries: [{ key, value }] }));
  return explain({ $case: 'rateLimit', value: RateLimitRequest.fromPartial({ domain, descriptors: each }) });
}

function checking(headers: Record<string, string>, contextExtensions: Record<string, string> = {}) {
  const source = { address: { address: { $case: 'socketAddress' as const, value: { address: '192.0.2.1' } } } };
  const attributes = { source, request: { http: { headers } }, contextExtensions };
  return explain({ $case: 'check', value: CheckRequest.fromPartial({ attributes }) });
}

/** By label: what becomes of it, and what remains. */
function usesOf({ limits }: ExplainResponse): Record<string, [Use, number]> {
  return Object.fromEntries(limits.map(({ label, use, remaining }) => [label, [use, remaining]]));
}

it('tells of a descriptor its rule, what came later, what the counters say and what the answer would be', async () => {
  await shouldRateLimit(node.decision, 'shop', ['path', '/login']);
  for (let i = 0; i < 3; i++) {
    const told = await rateLimit('shop', ['path', '/login']);
    expect(told).toMatchObject({
      answer: 'ok',
      descriptors: [
        {
          rule: 'shop.path_/login',
          unknownDomain: false,
          entries: [{ key: 'path', value: '/login' }],
          steps: [{ way: Way.EXACT, path: 'shop.path_/login', passedOver: { first: ['shop.path_/*'] } }],
        },
      ],
    });
    expect(usesOf(told)).toEqual({
      'shop.path_/login/burst': [Use.CHARGED, 1],
      'shop.path_/login/day': [Use.CHARGED, 99],
    });
  }
  await shouldRateLimit(node.decision, 'shop', ['path', '/login']);
  const over = await rateLimit('shop', ['path', '/login']);
  expect(over.answer).toBe('over_limit');
  expect(over.limits.map(({ exceeded }) => exceeded)).toEqual([true, false]);
  expect((await shouldRateLimit(node.decision, 'shop', ['path', '/login'])).overallCode).toBe(Code.OVER_LIMIT);
});

it('tells why limits are not charged, and why there is no rule', async () => {
  const told = await rateLimit('shop', ['path', '/login'], ['better', ''], ['shadow', 'x'], ['free', ''], ['none', '']);
  expect(usesOf(told)).toMatchObject({
    'shop.better': [Use.CHARGED, 9],
    'shop.path_/login/burst': [Use.REPLACED, 0],
    'shop.shadow': [Use.SHADOW, 1],
    'shop.free': [Use.UNLIMITED, 0],
  });
  expect(told.answer).toBe('ok');
  expect(told.descriptors.at(-1)).toMatchObject({
    rule: '',
    steps: [{ way: Way.UNSPECIFIED, otherKeys: { first: ['path', 'shadow', 'better', 'free'] } }],
  });
  expect((await rateLimit('other', ['a', 'b'])).descriptors).toMatchObject([{ unknownDomain: true, rule: '' }]);
});

it('tells of a Check who it is, what the edge and the plan charge, and what the answer would be', async () => {
  const routed = Limit.create({ name: 'export', requests: 7, window: '1h', routes: ['export'] });
  const { name, secret } = await node.createKey(administrator, 'team', { limits: [routed] });
  const told = await checking({ 'x-api-key': secret });
  expect(told).toMatchObject({ answer: 'allowed', apiKey: name, plan: 'plans/team' });
  expect(told.account).toMatch(/^accounts\/.+/);
  expect(told.descriptors).toMatchObject([
    { domain: 'edge', rule: 'edge.remote_address', entries: [{ value: '192.0.2.1' }] },
  ]);
  expect(usesOf(told)).toEqual({
    'edge.remote_address': [Use.CHARGED, 1000],
    'plans/team/burst': [Use.CHARGED, 5],
    [`${name}/export`]: [Use.OTHER_ROUTE, 7],
  });
  expect(usesOf(await checking({ 'x-api-key': secret }, { 'weir.route': 'export' }))).toMatchObject({
    [`${name}/export`]: [Use.CHARGED, 7],
  });
  expect(usesOf(await checking({ 'x-api-key': secret }, { 'weir.rate_limit': 'off' }))).toMatchObject({
    'plans/team/burst': [Use.RATE_LIMIT_OFF, 5],
  });
  expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(200);
  expect(usesOf(await checking({ 'x-api-key': secret }))['plans/team/burst']).toEqual([Use.CHARGED, 4]);
  expect((await checking({ 'x-api-key': secret }, { 'weir.cost': '5' })).answer).toBe('rate_limited');
  // Its signature has to be verified first, as for a Check.
  const { authorization = '' } = administrator;
  const byToken = await checking({ authorization });
  expect(byToken).toMatchObject({ answer: 'allowed', apiKey: '', account: told.account });
  expect(Buffer.from(ExplainResponse.encode(byToken).finish()).toString('latin1')).not.toContain(
    authorization.slice(-20),
  );
  expect(await checking({})).toMatchObject({ answer: 'missing_credential', apiKey: '', account: '' });
  expect((await checking({}, { 'weir.auth': 'optional' })).answer).toBe('anonymous');
});

it('tells of a key, by its name or its secret, and repeats no secret', async () => {
  const { name, secret } = await node.createKey(administrator, 'team');
  await check(node.decision, { 'x-api-key': secret });
  const subject = { subject: { $case: 'apiKey' as const, value: name } };
  const blocking = BlockCounterRequest.fromPartial({ subject, duration: '1h' });
  const answers: ExplainResponse[] = [];
  for (const question of [
    { $case: 'apiKey', value: name },
    { $case: 'secret', value: secret },
  ] as const) {
    const told = await explain(question);
    answers.push(told);
    expect(told).toMatchObject({ answer: 'ok', apiKey: name, plan: 'plans/team' });
    expect(usesOf(told)).toEqual({ 'plans/team/burst': [Use.CHARGED, 4] });
  }
  await node.admin.call(CounterServiceService.blockCounter, blocking, administrator);
  const blocked = await explain({ $case: 'secret', value: secret });
  expect(blocked).toMatchObject({ answer: 'over_limit', limits: [{ blocked: true, exceeded: true, remaining: 0 }] });
  const disabled = UpdateApiKeyRequest.fromPartial({ apiKey: { name, disabled: true }, updateMask: 'disabled' });
  await node.admin.call(ApiKeyServiceService.updateApiKey, disabled, administrator);
  const refused = await explain({ $case: 'apiKey', value: name });
  expect(refused).toMatchObject({ answer: 'disabled_credential', limits: [{ use: Use.NOT_ALLOWED }] });
  answers.push(blocked, refused, await rateLimit('shop', ['path', secret]), await checking({ 'x-api-key': secret }));
  for (const each of answers)
    expect(Buffer.from(ExplainResponse.encode(each).finish()).toString('latin1')).not.toContain(secret);
  expect((await explain({ $case: 'secret', value: 'garbage' })).answer).toBe('malformed_credential');
  expect((await explain({ $case: 'secret', value: `wk_live_${'0'.repeat(28)}` })).answer).toMatch(/_credential$/);
});

it.each<[string, ExplainRequest['question'], number, string]>([
  ['nothing asked', undefined, INVALID_ARGUMENT, 'question'],
  [
    'no domain',
    { $case: 'rateLimit', value: RateLimitRequest.fromPartial({ descriptors: [{ entries: [{}] }] }) },
    INVALID_ARGUMENT,
    'rate_limit.domain',
  ],
  [
    'no entries',
    { $case: 'rateLimit', value: RateLimitRequest.fromPartial({ domain: 'a', descriptors: [{}] }) },
    INVALID_ARGUMENT,
    'rate_limit.descriptors[0].entries',
  ],
  ['a secret for a name', { $case: 'apiKey', value: 'wk_live_000' }, INVALID_ARGUMENT, 'api_key'],
  ['no key', { $case: 'apiKey', value: 'apiKeys/00000000-0000-0000-0000-000000000000' }, NOT_FOUND, 'apiKeys/'],
])('is refused with the field named: %s', async (_, question, code, said) => {
  const failure = await node.admin.callAndFail(ExplainServiceService.explain, { question }, administrator);
  expect(failure.code).toBe(code);
  expect(failure.details).toContain(said);
  expect(failure.details).not.toContain('wk_live_000');
  const unknown = await node.admin.callAndFail(ExplainServiceService.explain, { question });
  expect(unknown.code).toBe(UNAUTHENTICATED);
});
