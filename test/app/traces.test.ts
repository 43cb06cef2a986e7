import { describe, expect } from 'vitest';
import { AuthorizationService, CheckRequest } from '../../src/generated/envoy/service/auth/v3/external_auth.ts';
import { RateLimitRequest, RateLimitServiceService } from '../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import {
  CreatePlanRequest,
  GetPlanRequest,
  PlanServiceService,
} from '../../src/generated/weir/admin/v1/plan_service.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import type { GrpcClient } from '../support/clients/grpc-client.ts';
import { test } from '../support/fixtures.ts';
import type { TestNode } from '../support/node.ts';
import { newTraceparent, type ReceivedSpan, SpanReceiver } from '../support/servers/span-receiver.ts';
import { waitUntil } from '../support/wait-until.ts';

const RULES = `
domain: shop
descriptors:
  - { key: user, rate_limit: { requests: 1, window: 1h } }
`;
const lines: string[] = [];
const it = test
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of other fixtures from this pattern
  .extend('receiver', { scope: 'file' }, async ({}, { onCleanup }) => {
    receiver = await SpanReceiver.start();
    onCleanup(() => receiver.stop());
    return receiver;
  })
  .override('rules', RULES)
  .override('log', () => createLogger('info', { process: 'control' }, { write: (line) => lines.push(line) }))
  .override('environment', ({ receiver: { endpoint } }) => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=a%20b,authorization=Bearer%20secret',
    OTEL_SERVICE_NAME: 'weir-under-test',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,service.name=other',
  }));
let receiver: SpanReceiver;

function shouldRateLimit(client: GrpcClient, user: string, headers: Record<string, string>): Promise<unknown> {
  const descriptors = [{ entries: [{ key: 'user', value: user }] }];
  const request = RateLimitRequest.fromPartial({ domain: 'shop', descriptors });
  return client.call(RateLimitServiceService.shouldRateLimit, request, headers);
}

function checkWithKey(client: GrpcClient, secret: string, headers: Record<string, string>): Promise<unknown> {
  const request = CheckRequest.fromPartial({
    attributes: {
      request: { http: { headers: { 'x-api-key': secret } } },
      contextExtensions: { 'weir.route': 'search' },
    },
  });
  return client.call(AuthorizationService.check, request, headers);
}

/** Waits until so many spans of a trace have come, and returns the one of the call and the others. */
async function receive(
  traceId: string,
  count: number,
): Promise<{ call: ReceivedSpan; others: readonly ReceivedSpan[] }> {
  await waitUntil(() => receiver.inTrace(traceId).length >= count);
  const spans = receiver.inTrace(traceId);
  const call = spans.find(({ kind }) => kind === 2);
  if (call === undefined) throw new Error('no span of a call');
  return { call, others: spans.filter((span) => span !== call) };
}

function expectWithin(inner: ReceivedSpan, outer: ReceivedSpan): void {
  expect(inner.parentSpanId).toBe(outer.spanId);
  expect(inner.startTime).toBeGreaterThanOrEqual(outer.startTime);
  expect(inner.endTime).toBeLessThanOrEqual(outer.endTime);
}

describe('a traced decision', () => {
  it('has a span below that of its caller, and one for the round trip to Redis', async ({ redisNode: node }) => {
    const parent = newTraceparent();
    await shouldRateLimit(node.decision, `traced ${parent.traceId}`, { traceparent: parent.header });
    const { call, others } = await receive(parent.traceId, 2);
    expect(call).toMatchObject({
      parentSpanId: parent.spanId,
      name: 'envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit',
      status: 0,
      resource: {
        'service.name': 'weir-under-test',
        'deployment.environment.name': 'test',
        'weir.process': 'decision',
      },
    });
    expect(call.attributes).toEqual({
      'rpc.system.name': 'grpc',
      'rpc.method': 'envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit',
      'rpc.status_code': 'OK',
      'weir.domain': 'shop',
      'weir.verdict': 'ok',
      'weir.source': 'redis',
    });
    expect(others).toEqual([expect.objectContaining({ name: 'redis decide', kind: 3 })]);
    for (const other of others) expectWithin(other, call);
    expect(receiver.headers).toMatchObject({ 'x-tenant': 'a b', authorization: 'Bearer secret' });
  });

  it('names the route and the verdict, but no key and no owner', async ({ node, administrator }) => {
    await node.createPlan(administrator, 'traced', 1);
    const { name, secret } = await node.createKey(administrator, 'traced');
    await checkWithKey(node.decision, secret, {});
    const parent = newTraceparent();
    await checkWithKey(node.decision, secret, { traceparent: parent.header });
    const { call, others } = await receive(parent.traceId, 1);
    expect(call.attributes).toMatchObject({
      'rpc.status_code': 'OK',
      'weir.verdict': 'rate_limited',
      'weir.source': 'memory',
      'weir.route': 'search',
    });
    expect(others).toEqual([]);
    const sent = JSON.stringify(call);
    for (const text of [secret, name.replace('apiKeys/', ''), 'admin@']) expect(sent).not.toContain(text);
  });

  it('that fails says so', async ({ node }) => {
    const parent = newTraceparent();
    const request = RateLimitRequest.fromPartial({ domain: '' });
    const headers = { traceparent: parent.header };
    await node.decision.callAndFail(RateLimitServiceService.shouldRateLimit, request, headers);
    const { call } = await receive(parent.traceId, 1);
    expect(call.attributes).toMatchObject({ 'rpc.status_code': 'INVALID_ARGUMENT' });
    expect(call.status).toBe(0);
  });

  it('through the admin port or over JSON has its span, too', async ({ node }) => {
    const [grpc, json] = [newTraceparent(), newTraceparent()];
    await shouldRateLimit(node.admin, 'ada', { traceparent: grpc.header });
    await fetch(`http://127.0.0.1:${node.app.ports.json}/json`, {
      method: 'POST',
      headers: { traceparent: json.header, 'content-type': 'application/json' },
      body: JSON.stringify({ domain: 'shop', descriptors: [{ entries: [{ key: 'user', value: 'ada' }] }] }),
    });
    for (const { traceId, spanId } of [grpc, json]) {
      expect((await receive(traceId, 1)).call).toMatchObject({
        parentSpanId: spanId,
        resource: { 'weir.process': 'decision' },
      });
    }
  });
});

describe('sampling', () => {
  /** Sends a call of each kind. Returns the traces and the number of root spans that the node sent. */
  async function send(node: TestNode): Promise<{ readonly traceIds: ReadonlySet<string>; readonly roots: number }> {
    const [sampled, unsampled] = [newTraceparent('01'), newTraceparent('00')];
    const before = receiver.spans.length;
    await shouldRateLimit(node.decision, 'ada', {});
    await shouldRateLimit(node.decision, 'ada', { traceparent: unsampled.header });
    await shouldRateLimit(node.decision, 'ada', { traceparent: 'malformed' });
    // Spans are sent in order, so this one comes last.
    await shouldRateLimit(node.decision, 'ada', { traceparent: sampled.header });
    await receive(sampled.traceId, 1);
    const spans = receiver.spans.slice(before);
    expect(spans.map(({ traceId }) => traceId)).not.toContain(unsampled.traceId);
    return {
      traceIds: new Set(spans.map(({ traceId }) => traceId)),
      roots: spans.filter(({ parentSpanId }) => parentSpanId === '').length,
    };
  }

  it('follows the caller', async ({ node }) => {
    const { traceIds, roots } = await send(node);
    expect([traceIds.size, roots]).toEqual([1, 0]);
  });

  it('starts traces where OTEL_TRACES_SAMPLER says so', async ({ startNode }) => {
    const node = await startNode({ OTEL_TRACES_SAMPLER: 'parentbased_always_on' });
    const { traceIds, roots } = await send(node);
    expect([traceIds.size, roots]).toEqual([3, 2]);
  });
});

describe('a traced call of the admin API', () => {
  it('has a span, one for each statement without its values, and ids in its log line', async ({
    node,
    administrator,
  }) => {
    const parent = newTraceparent();
    const plan = { displayName: "Known 'value' 4711", limits: [{ name: 'day', requests: 4711, window: '1d' }] };
    const request = CreatePlanRequest.fromPartial({ planId: 'seen', plan });
    await node.admin.call(PlanServiceService.createPlan, request, { ...administrator, traceparent: parent.header });
    const { call, others } = await receive(parent.traceId, 2);
    expect(call).toMatchObject({
      parentSpanId: parent.spanId,
      name: 'weir.admin.v1.PlanService/CreatePlan',
      attributes: { 'rpc.status_code': 'OK' },
      resource: { 'weir.process': 'control' },
    });
    const insert = others.find(({ name }) => name === 'postgresql insert');
    expect(insert?.attributes).toMatchObject({ 'db.system.name': 'postgresql', 'db.operation.name': 'insert' });
    expect(insert?.attributes['db.query.text']).toMatch(
      /^insert into "plan" \(.*\) values \((?:\?|null|true|false|, )+/,
    );
    for (const other of others) expectWithin(other, call);
    const sent = JSON.stringify(receiver.inTrace(parent.traceId));
    for (const value of ['Known', '4711', administrator.authorization]) expect(sent).not.toContain(value);

    const line = lines.find((text) => text.includes(call.spanId));
    expect(JSON.parse(line ?? '{}')).toMatchObject({
      msg: 'admin call completed',
      method: 'createPlan',
      trace_id: parent.traceId,
      span_id: call.spanId,
    });
  });

  it('that fails has the status of the call', async ({ node, administrator }) => {
    const parent = newTraceparent();
    const request = GetPlanRequest.fromPartial({ name: 'plans/absent' });
    const headers = { ...administrator, traceparent: parent.header };
    await node.admin.callAndFail(PlanServiceService.getPlan, request, headers);
    const { call } = await receive(parent.traceId, 1);
    expect(call.attributes).toMatchObject({ 'rpc.status_code': 'NOT_FOUND' });
  });
});

it('counts the spans that were sent and those that were not', async ({ node }) => {
  const readCounts = async () => {
    const text = await node.metrics();
    const counts = text.matchAll(/^weir_trace_spans_total\{process="decision",result="(\w+)"\} (\d+)$/gm);
    return Object.fromEntries([...counts].map(([, result = '', count]) => [result, Number(count)]));
  };
  const { exported = 0 } = await readCounts();
  await shouldRateLimit(node.decision, 'ada', { traceparent: newTraceparent().header });
  await waitUntil(async () => (await readCounts()).exported === exported + 1);
  const { answer } = receiver;
  receiver.answer = (response) => response.writeHead(400).end();
  try {
    await shouldRateLimit(node.decision, 'ada', { traceparent: newTraceparent().header });
    await waitUntil(async () => (await readCounts()).failed === 1);
  } finally {
    receiver.answer = answer;
  }
});
