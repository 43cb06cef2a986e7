import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setClusterField } from '../../demo/envoy-configuration.ts';
import { type Envoy, startEnvoy } from '../../demo/start-envoy.ts';
import { startUpstream } from '../../demo/upstream.ts';
import { newDatabase } from '../support/databases.ts';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { TestNode } from '../support/node.ts';
import { waitUntil } from '../support/wait-until.ts';

/** Checks that must pass before the test trusts the result. */
const MIN_CHECKS = 5;

const resources = new AsyncDisposableStack();
let node: TestNode;
let upstreamPort: number;
beforeAll(async () => {
  node = await TestNode.start({ DATABASE_URL: await newDatabase() });
  resources.defer(() => node.stop());
  const upstream = await startUpstream('127.0.0.1', 0);
  resources.defer(() => upstream.stop());
  upstreamPort = upstream.port;
}, 600_000);
afterAll(() => resources.disposeAsync());

/** Starts an Envoy that checks the health of its cluster `weir` under this name, by default several times a second. */
async function startCheckingEnvoy(weirPort: number, serviceName: string, interval = '0.1s'): Promise<Envoy> {
  const healthCheck = {
    timeout: '5s',
    interval,
    no_traffic_interval: interval,
    unhealthy_threshold: 1,
    healthy_threshold: 1,
    grpc_health_check: { service_name: serviceName },
  };
  const envoy = await startEnvoy({ weirPort, upstreamPort }, setClusterField('weir', ['health_checks'], [healthCheck]));
  resources.defer(() => envoy.stop());
  return envoy;
}

/** Reads a statistic of the health checks of the cluster `weir`. */
async function readCheckCount(envoy: Envoy, name: string): Promise<number> {
  const response = await fetch(`${envoy.adminOrigin}/stats?filter=^cluster.weir.health_check.${name}$`);
  return Number((await response.text()).split(': ')[1]);
}

async function readHostFlags(envoy: Envoy): Promise<string> {
  const clusters = await (await fetch(`${envoy.adminOrigin}/clusters`)).text();
  return /^weir::.*::health_flags::(.*)$/m.exec(clusters)?.[1] ?? '';
}

describe('an Envoy that checks the health of Weir', () => {
  it.each(['ratelimit', 'envoy.service.ratelimit.v3.RateLimitService'])(
    'keeps a node in use under the name "%s"',
    async (serviceName) => {
      const envoy = await startCheckingEnvoy(node.app.ports.decision ?? 0, serviceName);
      await waitUntil(async () => (await readCheckCount(envoy, 'success')) >= MIN_CHECKS);
      expect(await readCheckCount(envoy, 'failure')).toBe(0);
      expect(await readHostFlags(envoy)).toBe('healthy');
      expect((await sendThrough(envoy.origin, { path: '/', headers: [] })).status).toBe(401);
    },
  );

  it('keeps a node in use whose admin plane it checks', async () => {
    const envoy = await startCheckingEnvoy(node.app.ports.admin, 'ratelimit');
    await waitUntil(async () => (await readCheckCount(envoy, 'success')) >= MIN_CHECKS);
    expect(await readCheckCount(envoy, 'failure')).toBe(0);
  });

  it('takes a node that stops out of use with its next reply, without waiting for a check', async () => {
    const stopping = await TestNode.start({ DATABASE_URL: await newDatabase(), SHUTDOWN_DELAY_MS: '1000' });
    const envoy = await startCheckingEnvoy(stopping.app.ports.decision ?? 0, '', '3600s');
    const send = () => sendThrough(envoy.origin, { path: '/', headers: [] });
    expect((await send()).status).toBe(401);
    expect(await readHostFlags(envoy)).toBe('healthy');
    const stopped = stopping.stop();
    expect((await send()).status).toBe(401);
    await waitUntil(async () => (await readHostFlags(envoy)).includes('failed_active_hc'));
    await stopped;
  });

  it('takes a node out of use under a name that Weir does not know', async () => {
    const envoy = await startCheckingEnvoy(node.app.ports.decision ?? 0, 'nobody');
    await waitUntil(async () => (await readCheckCount(envoy, 'failure')) >= 1);
    expect(await readHostFlags(envoy)).toContain('failed_active_hc');
  });
});
