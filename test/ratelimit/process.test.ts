import { rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { findFreePort } from '../../provision/free-port.ts';
import { test } from '../support/fixtures.ts';
import { waitUntil } from '../support/wait-until.ts';
import { WeirProcess } from '../support/weir-process.ts';
import { createRequest, createRuntimeRoot, RatelimitNode } from './ratelimit-node.ts';

const RULES = 'domain: shop\ndescriptors: [{key: user, rate_limit: {unit: year, requests_per_unit: 2}}]';

describe('the command weir ratelimit', () => {
  it('serves until SIGTERM, and keeps its counters in memory over a restart', async () => {
    const root = await createRuntimeRoot({ 'config/shop': RULES });
    const [http, grpc, debug] = [await findFreePort(), await findFreePort(), await findFreePort()];
    const ports = { PORT: `${http}`, GRPC_PORT: `${grpc}`, DEBUG_PORT: `${debug}` };
    const environment = { RUNTIME_ROOT: root, DATA_DIR: `${root}/data`, HOST: '127.0.0.1', ...ports };
    const statuses: number[] = [];
    for (const sent of [1, 2]) {
      const weir = new WeirProcess(['ratelimit'], environment);
      const isReady = () =>
        fetch(`http://127.0.0.1:${http}/healthcheck`).then(
          ({ ok }) => ok,
          () => false,
        );
      await waitUntil(isReady, 60_000);
      for (let asked = 0; asked <= sent; asked++) {
        const body = JSON.stringify(createRequest('shop', 'user=a'));
        statuses.push((await fetch(`http://127.0.0.1:${http}/json`, { method: 'POST', body })).status);
      }
      expect(await weir.stop()).toBe(0);
    }
    expect(statuses).toEqual([200, 200, 429, 429, 429]);
    await rm(root, { recursive: true });
  });

  it('names every fault of its environment and exits 78', async () => {
    const weir = new WeirProcess(['ratelimit'], { SHADOW_MODE: 'yes', BACKEND_TYPE: 'memcache' });
    expect(await weir.exited).toBe(78);
    expect(weir.printed).toContain('SHADOW_MODE: must be true or false\n');
    expect(weir.printed).toContain('BACKEND_TYPE: must be redis');
  });
});

describe('nodes of weir ratelimit on one Redis', () => {
  test('count together', async ({ redis }) => {
    const root = await createRuntimeRoot({ 'config/shop': RULES });
    const environment = {
      RUNTIME_ROOT: root,
      REDIS_SOCKET_TYPE: 'tcp',
      REDIS_URL: `127.0.0.1:${redis.port}`,
      REDIS_HEALTH_CHECK_ACTIVE_CONNECTION: 'true',
    };
    const [one, other] = [await RatelimitNode.start(environment), await RatelimitNode.start(environment)];
    const request = createRequest('shop', `user=${root}`);
    expect((await one.get('http', '/healthcheck')).status).toBe(200);
    expect([(await one.ask(request)).status, (await other.ask(request)).status]).toEqual([200, 200]);
    expect([(await one.ask(request)).status, (await other.ask(request)).status]).toEqual([429, 429]);
    await one.stop();
    await other.stop();
    await rm(root, { recursive: true });
  });
});
