import { expect } from 'vitest';
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
import { check, httpStatus, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

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

const it = test.override('rules', { 'shop.yaml': SHOP, 'edge.yaml': EDGE });
it.beforeAll(({ node, administrator }) => node.createPlan(administrator, 'team', 5));

function explain(
  node: TestNode,
  administrator: Headers,
  question: ExplainRequest['question'],
): Promise<ExplainResponse> {
  return node.admin.call(ExplainServiceService.explain, { question }, administrator);
}

function explainRateLimit(
  node: TestNode,
  administrator: Headers,
  domain: string,
  ...descriptors: readonly (readonly [string, string])[]
): Promise<ExplainResponse> {
  const messages = descriptors.map(([key, value]) => ({ entries: [{ key, value }] }));
  return explain(node, administrator, {
    $case: 'rateLimit',
    value: RateLimitRequest.fromPartial({ domain, descriptors: messages }),
  });
}

function explainCheck(
  node: TestNode,
  administrator: Headers,
  headers: Record<string, string>,
  contextExtensions: Record<string, string> = {},
) {
  const source = { address: { address: { $case: 'socketAddress' as const, value: { address: '192.0.2.1' } } } };
  const attributes = { source, request: { http: { headers } }, contextExtensions };
  return explain(node, administrator, { $case: 'check', value: CheckRequest.fromPartial({ attributes }) });
}

/** Maps the label of each limit to its use and what remains of it. */
function mapUses({ limits }: ExplainResponse): Record<string, [Use, number]> {
  return Object.fromEntries(limits.map(({ label, use, remaining }) => [label, [use, remaining]]));
}

it('explains a descriptor: its rule, the rules after it, the counters and the answer, without a charge', async ({
  node,
  administrator,
}) => {
  await shouldRateLimit(node.decision, 'shop', ['path', '/login']);
  for (let i = 0; i < 3; i++) {
    const explained = await explainRateLimit(node, administrator, 'shop', ['path', '/login']);
    expect(explained).toMatchObject({
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
    expect(mapUses(explained)).toEqual({
      'shop.path_/login/burst': [Use.CHARGED, 1],
      'shop.path_/login/day': [Use.CHARGED, 99],
    });
  }
  await shouldRateLimit(node.decision, 'shop', ['path', '/login']);
  const over = await explainRateLimit(node, administrator, 'shop', ['path', '/login']);
  expect(over.answer).toBe('over_limit');
  expect(over.limits.map(({ exceeded }) => exceeded)).toEqual([true, false]);
  expect((await shouldRateLimit(node.decision, 'shop', ['path', '/login'])).overallCode).toBe(Code.OVER_LIMIT);
});

it('explains why limits are not charged, and why no rule matches', async ({ node, administrator }) => {
  const explained = await explainRateLimit(
    node,
    administrator,
    'shop',
    ['path', '/login'],
    ['better', ''],
    ['shadow', 'x'],
    ['free', ''],
    ['none', ''],
  );
  expect(mapUses(explained)).toMatchObject({
    'shop.better': [Use.CHARGED, 9],
    'shop.path_/login/burst': [Use.REPLACED, 0],
    'shop.shadow': [Use.SHADOW, 1],
    'shop.free': [Use.UNLIMITED, 0],
  });
  expect(explained.answer).toBe('ok');
  expect(explained.descriptors.at(-1)).toMatchObject({
    rule: '',
    steps: [{ way: Way.UNSPECIFIED, otherKeys: { first: ['path', 'shadow', 'better', 'free'] } }],
  });
  expect((await explainRateLimit(node, administrator, 'other', ['a', 'b'])).descriptors).toMatchObject([
    { unknownDomain: true, rule: '' },
  ]);
});

it('explains a Check: the identity, the charges of edge and plan, and the answer', async ({ node, administrator }) => {
  const routed = Limit.create({ name: 'export', requests: 7, window: '1h', routes: ['export'] });
  const { name, secret } = await node.createKey(administrator, 'team', { limits: [routed] });
  const explained = await explainCheck(node, administrator, { 'x-api-key': secret });
  expect(explained).toMatchObject({ answer: 'allowed', apiKey: name, plan: 'plans/team' });
  expect(explained.account).toMatch(/^accounts\/.+/);
  expect(explained.descriptors).toMatchObject([
    { domain: 'edge', rule: 'edge.remote_address', entries: [{ value: '192.0.2.1' }] },
  ]);
  expect(mapUses(explained)).toEqual({
    'edge.remote_address': [Use.CHARGED, 1000],
    'plans/team/burst': [Use.CHARGED, 5],
    [`${name}/export`]: [Use.OTHER_ROUTE, 7],
  });
  expect(
    mapUses(await explainCheck(node, administrator, { 'x-api-key': secret }, { 'weir.route': 'export' })),
  ).toMatchObject({
    [`${name}/export`]: [Use.CHARGED, 7],
  });
  expect(
    mapUses(await explainCheck(node, administrator, { 'x-api-key': secret }, { 'weir.rate_limit': 'off' })),
  ).toMatchObject({
    'plans/team/burst': [Use.RATE_LIMIT_OFF, 5],
  });
  expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(200);
  expect(mapUses(await explainCheck(node, administrator, { 'x-api-key': secret }))['plans/team/burst']).toEqual([
    Use.CHARGED,
    4,
  ]);
  expect((await explainCheck(node, administrator, { 'x-api-key': secret }, { 'weir.cost': '5' })).answer).toBe(
    'rate_limited',
  );
  // The signature of a token is verified first, as for a Check.
  const { authorization = '' } = administrator;
  const byToken = await explainCheck(node, administrator, { authorization });
  expect(byToken).toMatchObject({ answer: 'allowed', apiKey: '', account: explained.account });
  expect(Buffer.from(ExplainResponse.encode(byToken).finish()).toString('latin1')).not.toContain(
    authorization.slice(-20),
  );
  expect(await explainCheck(node, administrator, {})).toMatchObject({
    answer: 'missing_credential',
    apiKey: '',
    account: '',
  });
  expect((await explainCheck(node, administrator, {}, { 'weir.auth': 'optional' })).answer).toBe('anonymous');
});

it('explains an API key by its name or its secret, and repeats no secret', async ({ node, administrator }) => {
  const { name, secret } = await node.createKey(administrator, 'team');
  await check(node.decision, { 'x-api-key': secret });
  const subject = { subject: { $case: 'apiKey' as const, value: name } };
  const blocking = BlockCounterRequest.fromPartial({ subject, duration: '1h' });
  const responses: ExplainResponse[] = [];
  for (const question of [
    { $case: 'apiKey', value: name },
    { $case: 'secret', value: secret },
  ] as const) {
    const explained = await explain(node, administrator, question);
    responses.push(explained);
    expect(explained).toMatchObject({ answer: 'ok', apiKey: name, plan: 'plans/team' });
    expect(mapUses(explained)).toEqual({ 'plans/team/burst': [Use.CHARGED, 4] });
  }
  await node.admin.call(CounterServiceService.blockCounter, blocking, administrator);
  const blocked = await explain(node, administrator, { $case: 'secret', value: secret });
  expect(blocked).toMatchObject({ answer: 'over_limit', limits: [{ blocked: true, exceeded: true, remaining: 0 }] });
  const disabled = UpdateApiKeyRequest.fromPartial({ apiKey: { name, disabled: true }, updateMask: 'disabled' });
  await node.admin.call(ApiKeyServiceService.updateApiKey, disabled, administrator);
  const denied = await explain(node, administrator, { $case: 'apiKey', value: name });
  expect(denied).toMatchObject({ answer: 'disabled_credential', limits: [{ use: Use.NOT_ALLOWED }] });
  responses.push(
    blocked,
    denied,
    await explainRateLimit(node, administrator, 'shop', ['path', secret]),
    await explainCheck(node, administrator, { 'x-api-key': secret }),
  );
  for (const response of responses)
    expect(Buffer.from(ExplainResponse.encode(response).finish()).toString('latin1')).not.toContain(secret);
  expect((await explain(node, administrator, { $case: 'secret', value: 'garbage' })).answer).toBe(
    'malformed_credential',
  );
  expect((await explain(node, administrator, { $case: 'secret', value: `wk_live_${'0'.repeat(28)}` })).answer).toMatch(
    /_credential$/,
  );
});

it.for<[string, ExplainRequest['question'], number, string]>([
  ['no question', undefined, INVALID_ARGUMENT, 'question'],
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
])('rejects a request and names the field: %s', async ([_, question, code, detail], { node, administrator }) => {
  const failure = await node.admin.callAndFail(ExplainServiceService.explain, { question }, administrator);
  expect(failure.code).toBe(code);
  expect(failure.details).toContain(detail);
  expect(failure.details).not.toContain('wk_live_000');
  const unknown = await node.admin.callAndFail(ExplainServiceService.explain, { question });
  expect(unknown.code).toBe(UNAUTHENTICATED);
});
