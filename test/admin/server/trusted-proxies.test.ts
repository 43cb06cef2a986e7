import { pino } from 'pino';
import { expect } from 'vitest';
import {
  type EnvoyChange,
  EXT_AUTHZ_FILTER,
  RATE_LIMIT_FILTER,
  removeFilter,
  setClusterPorts,
} from '../../../demo/envoy-configuration.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { callFrom } from '../../support/clients/call-from-address.ts';
import { WeirBehindEnvoy } from '../../support/envoy/weir-behind-envoy.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

interface Line {
  readonly msg: string;
  readonly peer?: string;
}

const lines: Line[] = [];

const it = test
  .override('log', pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line)) }))
  /** A node behind proxies. `node` trusts none. */
  .extend('proxied', { scope: 'file' }, ({ startNode }) =>
    startNode({ TRUSTED_PROXIES: '127.0.0.1/32, 198.51.100.0/24' }),
  );

const GUESS = { email: 'nobody@example.com', password: 'wrong' };
const loggedAddress = () => lines.find(({ msg }) => msg === 'sign-in failed')?.peer;

/** Signs in with a wrong password. Returns the address that the log names. */
async function findLoggedAddress({ admin }: TestNode, forwardedFor: string): Promise<string | undefined> {
  lines.length = 0;
  await admin.callAndFail(AuthServiceService.login, GUESS, { 'x-forwarded-for': forwardedFor });
  return loggedAddress();
}

it('without trusted proxies, a client is the peer, whatever it claims', async ({ node }) => {
  expect(await findLoggedAddress(node, '203.0.113.1')).toBe('127.0.0.1');
});

it.for([
  ['203.0.113.1', '203.0.113.1'],
  ['192.0.2.1, 203.0.113.1', '203.0.113.1'],
  ['203.0.113.1, 198.51.100.7', '203.0.113.1'],
  ['2001:DB8:0:1::7', '2001:db8:0:1::7'],
  ['203.0.113.1, garbage', '127.0.0.1'],
] as const)('behind a trusted proxy, the client of %s is %s', async ([forwardedFor, expected], { proxied }) => {
  expect(await findLoggedAddress(proxied, forwardedFor)).toBe(expected);
});

/** Lets Envoy pass everything on to the admin API. */
function frontAdminApi({ app }: TestNode): readonly EnvoyChange[] {
  const routes = ['static_resources', 'listeners', 0, 'filter_chains', 0, 'filters', 0, 'typed_config', 'route_config'];
  return [
    removeFilter(EXT_AUTHZ_FILTER),
    removeFilter(RATE_LIMIT_FILTER),
    setClusterPorts('weir', [app.ports.admin]),
    (configuration) => {
      const all = [{ match: { prefix: '/' }, route: { cluster: 'weir' } }];
      configuration.setIn([...routes, 'virtual_hosts', 0, 'routes'], configuration.createNode(all));
    },
  ];
}

it('behind a real Envoy, the client is who connected to Envoy, whatever it claims', async ({ proxied }) => {
  const weir = await WeirBehindEnvoy.inFrontOf(proxied);
  const { port } = new URL(await weir.envoy(...frontAdminApi(proxied)));
  for (const [name, value] of [
    ['x-forwarded-for', '203.0.113.1'],
    ['x-forwarded-for', '203.0.113.1, 198.51.100.7'],
    ['x-envoy-external-address', '203.0.113.1'],
  ] as const) {
    lines.length = 0;
    await callFrom('127.0.0.2', Number(port), AuthServiceService.login, [GUESS], { [name]: value });
    expect(loggedAddress()).toBe('127.0.0.2');
  }
  await weir.stop();
});
