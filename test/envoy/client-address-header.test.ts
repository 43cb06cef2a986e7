import { describe, expect } from 'vitest';
import {
  type EnvoyChange,
  HEADER_MUTATION_FILTER,
  setConnectionManagerField,
  setContextExtensions,
  setFilterField,
} from '../../demo/envoy-configuration.ts';
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

/** The settings that a comment of envoy/envoy.yaml recommends behind one proxy. */
const BEHIND_PROXY: EnvoyChange[] = [
  setConnectionManagerField(['xff_num_trusted_hops'], 1),
  setFilterField(HEADER_MUTATION_FILTER, ['mutations', 'request_mutations', 1], {
    append: {
      header: { key: 'x-weir-client-address', value: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%' },
      append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
    },
  }),
];

const it = test
  .override('environment', { CLIENT_ADDRESS_HEADER: 'x-weir-client-address' })
  .override('rules', RULES)
  /** Secret of a key that may be used from two networks only. */
  .extend('secret', { scope: 'file' }, async ({ node, administrator }) => {
    const allowedNetworks = ['203.0.113.0/24', '2001:db8::/32'];
    return (await node.createKey(administrator, 'enterprise', { allowedNetworks })).secret;
  })
  /** Origin of an Envoy with BEHIND_PROXY. */
  .extend('origin', { scope: 'file' }, ({ weir }) => weir.envoy(...BEHIND_PROXY));

const sendWithKey = (origin: string, secret: string, headers: HeaderLines) =>
  sendThrough(origin, { path: '/orders', headers: [['x-api-key', secret], ...headers] });

describe('CLIENT_ADDRESS_HEADER behind another proxy', () => {
  it.for<[forwardedFor: string, status: number]>([
    ['203.0.113.7', 200],
    ['2001:db8::7', 200],
    ['198.51.100.9, 203.0.113.7', 200],
    ['198.51.100.9', 403],
    ['203.0.113.7, 198.51.100.9', 403],
    ['203.0.113.7, 203.0.113.7, 2001:db9::1', 403],
  ])('takes the last address of X-Forwarded-For, which the proxy wrote: %s → %d', async (line, { origin, secret }) => {
    const [forwardedFor, status] = line;
    expect((await sendWithKey(origin, secret, [['x-forwarded-for', forwardedFor]])).status).toBe(status);
  });

  it('cannot be set by clients, and does not reach the upstream', async ({ origin, secret }) => {
    const forged: HeaderLines = [
      ['x-forwarded-for', '198.51.100.9'],
      ['x-weir-client-address', '203.0.113.7'],
      ['X-Weir-Client-Address', '203.0.113.7'],
      ['x_weir_client_address', '203.0.113.7'],
    ];
    expect((await sendWithKey(origin, secret, forged)).status).toBe(403);
    const { status, received } = await sendWithKey(origin, secret, [...forged, ['x-forwarded-for', '203.0.113.7']]);
    expect(status).toBe(200);
    expect(received?.headers.filter((header) => /client.address/i.test(header))).toEqual([]);
  });

  it('gives the domain edge the address that it counts', async ({ weir }) => {
    const origin = await weir.envoy(
      ...BEHIND_PROXY,
      setContextExtensions({ 'weir.auth': 'optional', 'weir.route': 'counted' }),
    );
    for (const address of ['192.0.2.1', '192.0.2.2']) {
      const statuses = [];
      for (let time = 0; time < 3; time++) {
        const headers: HeaderLines = [['x-forwarded-for', `203.0.113.${time}, ${address}`]];
        statuses.push((await sendThrough(origin, { path: '/orders', headers })).status);
      }
      expect(statuses).toEqual([200, 200, 429]);
    }
  });

  it('denies keys with allowed networks if Envoy does not set the header', async ({ envoy, secret }) => {
    expect((await sendWithKey(envoy, secret, [['x-weir-client-address', '203.0.113.7']])).status).toBe(403);
  });
});
