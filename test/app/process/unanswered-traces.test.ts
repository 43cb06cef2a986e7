import { afterAll, expect, it } from 'vitest';
import { RateLimitRequest, RateLimitServiceService } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { GrpcClient } from '../../support/clients/grpc-client.ts';
import { newDatabase } from '../../support/databases.ts';
import { NODE_SECRETS } from '../../support/node.ts';
import { newTraceparent, SpanReceiver } from '../../support/servers/span-receiver.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { startWeirProcess } from '../../support/weir-process.ts';

const resources = new AsyncDisposableStack();
afterAll(() => resources.disposeAsync());

it('a receiver of spans that never answers delays no decision and no stop, and what it misses is counted', async () => {
  const receiver = await SpanReceiver.start();
  resources.defer(() => receiver.stop());
  receiver.answer = () => {};
  const { weir, ports } = await startWeirProcess({
    DATABASE_URL: await newDatabase(),
    ...NODE_SECRETS,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_EXPORTER_OTLP_TIMEOUT: '60000',
  });
  resources.defer(async () => void (weir.hasExited || (await weir.stop())));
  const decision = new GrpcClient(ports.decision);
  resources.defer(async () => decision.close());
  const request = RateLimitRequest.fromPartial({
    domain: 'shop',
    descriptors: [{ entries: [{ key: 'a', value: 'b' }] }],
  });
  const ask = () =>
    decision.call(RateLimitServiceService.shouldRateLimit, request, { traceparent: newTraceparent().header });
  const readDropped = async () => {
    const text = await (await fetch(`http://127.0.0.1:${ports.http}/metrics`)).text();
    return Number(/^weir_trace_spans_total\{process="decision",result="dropped"\} (\d+)$/m.exec(text)?.[1]);
  };
  // More than wait and are on their way.
  for (let round = 0; round < 12; round++) await Promise.all(Array.from({ length: 500 }, ask));
  await waitUntil(async () => (await readDropped()) > 0);
  expect(receiver.requests).toBe(1);
  // A stop that takes longer than SHUTDOWN_TIMEOUT_MS exits with 1, and the request for spans would take longer.
  expect(await weir.stop()).toBe(0);
  expect(weir.printed).toContain('"msg":"stopped"');
}, 120_000);
