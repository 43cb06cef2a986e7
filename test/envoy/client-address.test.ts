import { describe, expect } from 'vitest';
import { setConnectionManagerField, setContextExtensions } from '../../demo/envoy-configuration.ts';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { test } from '../support/fixtures.ts';

const RULES = `
domain: edge
descriptors:
  - key: route
    value: counted
    descriptors:
      - {key: remote_address, rate_limit: {requests: 2, window: 60s}}
`;

type HeaderLines = [name: string, value: string][];

const it = test
  .override('rules', RULES)
  /** Secret of a key that may be used from 203.0.113.0/24 only. */
  .extend('secret', { scope: 'file' }, async ({ node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'enterprise', { allowedNetworks: ['203.0.113.0/24'] });
    return secret;
  });

describe('the client’s address is that of the connection to Envoy', () => {
  it.for<HeaderLines[number]>([
    ['x-forwarded-for', '203.0.113.7'],
    ['x-forwarded-for', '203.0.113.7, 203.0.113.8'],
    ['forwarded', 'for=203.0.113.7'],
    ['x-real-ip', '203.0.113.7'],
    ['true-client-ip', '203.0.113.7'],
    ['x-envoy-external-address', '203.0.113.7'],
    ['x-weir-client-address', '203.0.113.7'],
  ])('and the header %s: %s does not change it', async (claim, { envoy, secret }) => {
    const headers: HeaderLines = [['x-api-key', secret], claim];
    const { status, response } = await sendThrough(envoy, { path: '/orders', headers });
    expect([status, JSON.parse(response.body).error.code]).toEqual([403, 'forbidden_network']);
  });

  it('and trusted hops do not change it: Check still receives the address of Envoy’s peer', async ({
    weir,
    secret,
  }) => {
    const origin = await weir.envoy(setConnectionManagerField(['xff_num_trusted_hops'], 1));
    const headers: HeaderLines = [
      ['x-api-key', secret],
      ['x-forwarded-for', '203.0.113.7'],
    ];
    expect((await sendThrough(origin, { path: '/orders', headers })).status).toBe(403);
  });

  it('so the domain edge counts one address, whatever each request has in X-Forwarded-For', async ({ weir }) => {
    const origin = await weir.envoy(setContextExtensions({ 'weir.auth': 'optional', 'weir.route': 'counted' }));
    const statuses = [];
    for (let time = 0; time < 3; time++) {
      const headers: HeaderLines = [['x-forwarded-for', `203.0.113.${time}`]];
      statuses.push((await sendThrough(origin, { path: '/orders', headers })).status);
    }
    expect(statuses).toEqual([200, 200, 429]);
  });
});
