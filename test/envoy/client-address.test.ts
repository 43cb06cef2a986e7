import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  contextExtensions,
  type EnvoyChange,
  HEADER_MUTATION,
  ofConnectionManager,
  ofFilter,
} from '../../demo/envoy.ts';
import { WeirBehindEnvoy, sendThrough } from '../support/weir-behind-envoy.ts';
import { newDatabase } from '../support/databases.ts';

const RULES = `
domain: edge
descriptors:
  - key: route
    value: counted
    descriptors:
      - {key: remote_address, rate_limit: {requests: 2, window: 60s}}
`;

type Fields = [name: string, value: string][];

/** As envoy/envoy.yaml says in its comment, behind one proxy. */
const TELLS_ADDRESS: EnvoyChange[] = [
  ofConnectionManager(['xff_num_trusted_hops'], 1),
  ofFilter(HEADER_MUTATION, ['mutations', 'request_mutations', 1], {
    append: {
      header: { key: 'x-weir-client-address', value: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%' },
      append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
    },
  }),
];
const COUNTED = contextExtensions({ 'weir.auth': 'optional', 'weir.route': 'counted' });

let rules: string;

beforeAll(async () => {
  rules = path.join(await mkdtemp(path.join(tmpdir(), 'weir-rules-')), 'rules.yaml');
  await writeFile(rules, RULES);
});

/** Starts Weir, with a key that is allowed from these networks. */
async function start(environment: Record<string, string>, allowedNetworks: string[]) {
  const weir = await WeirBehindEnvoy.start({ DATABASE_URL: await newDatabase(), RULES_PATH: rules, ...environment });
  const administrator = await weir.node.signIn();
  const { secret } = await weir.node.createKey(administrator, 'enterprise', { allowedNetworks });
  const ask = (origin: string, headers: Fields, key = secret) =>
    sendThrough(origin, { path: '/orders', headers: key === '' ? headers : [['x-api-key', key], ...headers] });
  return { weir, ask };
}

describe('the client’s address is the one Envoy trusts, never a raw X-Forwarded-For', () => {
  let weir: WeirBehindEnvoy;
  let ask: Awaited<ReturnType<typeof start>>['ask'];

  beforeAll(async () => {
    ({ weir, ask } = await start({}, ['203.0.113.0/24']));
  }, 600_000);
  afterAll(() => weir?.stop());

  const CLAIMS: Fields[] = [
    [['x-forwarded-for', '203.0.113.7']],
    [['x-forwarded-for', '203.0.113.7, 203.0.113.8']],
    [['forwarded', 'for=203.0.113.7']],
    [['x-real-ip', '203.0.113.7']],
    [['true-client-ip', '203.0.113.7']],
    [['x-envoy-external-address', '203.0.113.7']],
    [['x-weir-client-address', '203.0.113.7']],
  ];

  it.each(CLAIMS)('%s says nothing of it', async (claim) => {
    const { status, answer } = await ask(await weir.envoy(), [claim]);
    expect([status, JSON.parse(answer.body).error.code]).toEqual([403, 'forbidden_network']);
  });

  it('nor do hops that Envoy is told to trust: it tells Check who connected to it', async () => {
    const origin = await weir.envoy(ofConnectionManager(['xff_num_trusted_hops'], 1));
    expect((await ask(origin, [['x-forwarded-for', '203.0.113.7']])).status).toBe(403);
  });

  it('with another X-Forwarded-For each the edge counts one address', async () => {
    const origin = await weir.envoy(COUNTED);
    const statuses = [];
    for (let time = 0; time < 3; time++) {
      statuses.push((await ask(origin, [['x-forwarded-for', `203.0.113.${time}`]], '')).status);
    }
    expect(statuses).toEqual([200, 200, 429]);
  });
});

describe('behind another proxy, with the header in which Envoy tells the address that it trusts', () => {
  let weir: WeirBehindEnvoy;
  let ask: Awaited<ReturnType<typeof start>>['ask'];
  let origin: string;

  beforeAll(async () => {
    const networks = ['203.0.113.0/24', '2001:db8::/32'];
    ({ weir, ask } = await start({ CLIENT_ADDRESS_HEADER: 'x-weir-client-address' }, networks));
    origin = await weir.envoy(...TELLS_ADDRESS);
  }, 600_000);
  afterAll(() => weir?.stop());

  it.each<[forwardedFor: string, status: number]>([
    ['203.0.113.7', 200],
    ['2001:db8::7', 200],
    ['198.51.100.9, 203.0.113.7', 200],
    ['198.51.100.9', 403],
    ['203.0.113.7, 198.51.100.9', 403],
    ['203.0.113.7, 203.0.113.7, 2001:db9::1', 403],
  ])('the proxy’s own word counts, and what clients wrote before it does not: %s', async (forwardedFor, status) => {
    expect((await ask(origin, [['x-forwarded-for', forwardedFor]])).status).toBe(status);
  });

  it('no client can write it, and no upstream reads it', async () => {
    const forged: Fields = [
      ['x-forwarded-for', '198.51.100.9'],
      ['x-weir-client-address', '203.0.113.7'],
      ['X-Weir-Client-Address', '203.0.113.7'],
      ['x_weir_client_address', '203.0.113.7'],
    ];
    expect((await ask(origin, forged)).status).toBe(403);
    const { status, received } = await ask(origin, [...forged, ['x-forwarded-for', '203.0.113.7']]);
    expect(status).toBe(200);
    expect(received?.headers.filter((each) => /client.address/i.test(each))).toEqual([]);
  });

  it('the edge counts it', async () => {
    const counted = await weir.envoy(...TELLS_ADDRESS, COUNTED);
    const from = async (forwardedFor: string) => (await ask(counted, [['x-forwarded-for', forwardedFor]], '')).status;
    for (const address of ['192.0.2.1', '192.0.2.2']) {
      const statuses = [];
      for (let time = 0; time < 3; time++) statuses.push(await from(`203.0.113.${time}, ${address}`));
      expect(statuses).toEqual([200, 200, 429]);
    }
  });

  it('where Envoy does not set it nobody’s address is known, and keys with networks are refused', async () => {
    const without = await weir.envoy();
    expect((await ask(without, [['x-weir-client-address', '203.0.113.7']])).status).toBe(403);
  });
});
