import { describe, expect } from 'vitest';
import { createRequestWithKey } from '../../demo/checks/check.ts';
import { type EnvoyChange, setConnectionManagerField } from '../../demo/envoy-configuration.ts';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { test } from '../support/fixtures.ts';
import { SpanReceiver } from '../support/servers/span-receiver.ts';
import { waitUntil } from '../support/wait-until.ts';

const it = test
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of other fixtures from this pattern
  .extend('receiver', { scope: 'file' }, async ({}, { onCleanup }) => {
    const receiver = await SpanReceiver.start();
    onCleanup(() => receiver.stop());
    return receiver;
  })
  .override('environment', ({ receiver: { endpoint } }) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }));

/** The tracer of docs/traces.md, for all requests. */
function traceTo(port: number): readonly EnvoyChange[] {
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  const cluster = {
    name: 'collector',
    type: 'STATIC',
    connect_timeout: '5s',
    load_assignment: {
      cluster_name: 'collector',
      endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }],
    },
  };
  const http_uri = { uri: `http://127.0.0.1:${port}/v1/traces`, cluster: 'collector', timeout: '5s' };
  const provider = {
    name: 'envoy.tracers.opentelemetry',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig',
      service_name: 'envoy',
      http_service: { http_uri },
    },
  };
  return [
    setConnectionManagerField(['tracing'], { random_sampling: { value: 100 }, provider }),
    (configuration) => configuration.addIn(['static_resources', 'clusters'], configuration.createNode(cluster)),
  ];
}

describe('an Envoy that traces', () => {
  it('has the Check of a request below its own span, in one trace', async ({ node, administrator, weir, receiver }) => {
    const origin = await weir.envoy(...traceTo(receiver.port));
    const { secret } = await node.createKey(administrator, 'free');
    expect((await sendThrough(origin, createRequestWithKey('/search', { secret }))).status).toBe(200);
    const findCheck = () => receiver.spans.find(({ attributes }) => attributes['weir.verdict'] === 'allowed');
    const findParent = () => receiver.spans.find(({ spanId }) => spanId === findCheck()?.parentSpanId);
    await waitUntil(() => findParent() !== undefined);
    expect(findParent()?.resource).toMatchObject({ 'service.name': 'envoy' });
    expect(findParent()?.traceId).toBe(findCheck()?.traceId);
    expect(findCheck()).toMatchObject({ name: 'envoy.service.auth.v3.Authorization/Check', kind: 2 });
  });
});
