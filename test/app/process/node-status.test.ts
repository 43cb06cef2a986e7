import { status } from '@grpc/grpc-js';
import { describe, expect } from 'vitest';
import {
  GetStatusResponse_Health as Health,
  StatusServiceService,
} from '../../../src/generated/weir/admin/v1/status_service.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { test as it } from '../../support/fixtures.ts';

const PARTS = ['postgres', 'counters', 'rules', 'routes', 'usage', 'issuer_keys', 'signing_keys', 'audit'];

describe('/status', () => {
  it('reports the version, the role, the catalog and the counters as JSON', async ({ node }) => {
    const response = await node.fetch('/status?pretty');
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      role: 'all',
      startTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      ready: true,
      health: 'healthy',
      parts: PARTS.map((name) => ({ name, health: 'healthy', message: '' })),
      reasons: [],
      catalog: { ageSeconds: expect.any(Number), source: 'postgres', feedConnected: true, reloading: false },
      counters: { store: 'memory', reachable: true },
      rules: { version: expect.stringMatching(/^[0-9a-f]{16}$/), loadTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) },
    });
  });

  it('reports a Redis that was never reached, while the node is ready', async ({ startNode }) => {
    const node = await startNode({ REDIS_URL: 'redis://127.0.0.1:1' });
    expect((await node.fetch('/readyz')).status).toBe(200);
    const report = (await (await node.fetch('/status')).json()) as { parts: unknown[] };
    expect(report).toMatchObject({
      ready: true,
      health: 'degraded',
      counters: { store: 'redis', reachable: false },
    });
    expect(report.parts).toContainEqual({
      name: 'counters',
      health: 'degraded',
      message: expect.stringMatching('Redis'),
    });
  });
});

describe('StatusService', () => {
  it('reports the same to administrators, and nothing to others', async ({ node, administrator }) => {
    const getStatus = (headers: Headers) => node.admin.call(StatusServiceService.getStatus, {}, headers);
    const { health, parts, reasons, role } = await getStatus(administrator);
    expect({ health, reasons, role }).toEqual({ health: Health.HEALTHY, reasons: [], role: 'all' });
    expect(parts.map(({ name }) => name)).toContain('postgres');
    await expect(getStatus({})).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  });
});

describe('/metrics', () => {
  it('has the same state as gauges', async ({ node }) => {
    const metrics = await node.metrics();
    expect(metrics).toMatch(/^weir_ready 1$/m);
    expect(metrics).toMatch(/^weir_catalog_staleness_seconds \d/m);
    expect(metrics).toMatch(/^weir_catalog_feed_connected 1$/m);
    expect(metrics).toMatch(/^weir_counters_reachable 1$/m);
  });
});
