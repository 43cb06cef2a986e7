import { describe, expect } from 'vitest';
import {
  type EnvoyChange,
  EXT_AUTHZ_FILTER,
  HEADER_MUTATION_FILTER,
  removeFilter,
  setConnectionManagerField,
  setContextExtensions,
  setFilterField,
} from '../../demo/envoy-configuration.ts';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { test } from '../support/fixtures.ts';

type HeaderLines = readonly (readonly [name: string, value: string])[];

/** Bytes that are not UTF-8, as Node writes them. */
const INVALID_UTF8 = '\xff\xfeenterprise\xc0';

const FORGERIES: readonly (readonly [way: string, lines: HeaderLines])[] = [
  [
    'once',
    [
      ['x-weir-plan', 'enterprise'],
      ['x-weir-account', 'somebody'],
      ['x-weir-key', 'k'],
    ],
  ],
  [
    'in capitals',
    [
      ['X-WEIR-PLAN', 'enterprise'],
      ['X-Weir-Account', 'somebody'],
    ],
  ],
  [
    'twice',
    [
      ['x-weir-plan', 'enterprise'],
      ['x-weir-plan', 'enterprise'],
      ['x-weir-role', 'a'],
      ['x-weir-role', 'b'],
    ],
  ],
  [
    'joined by commas',
    [
      ['x-weir-plan', 'team, enterprise,'],
      ['x-weir-admin', 'true,true'],
    ],
  ],
  [
    'with underscores',
    [
      ['x_weir_plan', 'e'],
      ['x-weir_account', 'a'],
      ['x_weir-key', 'k'],
      ['X_WEIR_ROLE', 'r'],
    ],
  ],
  [
    'as invalid UTF-8',
    [
      ['x-weir-plan', INVALID_UTF8],
      ['x-weir-role', INVALID_UTF8],
      ['x_weir_key', INVALID_UTF8],
    ],
  ],
  [
    'empty',
    [
      ['x-weir-plan', ''],
      ['x-weir-role', ''],
      ['x_weir_key', ''],
    ],
  ],
  [
    'with unforeseen names',
    [
      ['x-weir-', '1'],
      ['x_weir_', '1'],
      ['x-weir-x-weir-plan', '1'],
    ],
  ],
];

/** Turns off what Envoy does against forged headers, so that only Weir removes them. */
const DEFENCELESS: EnvoyChange[] = [
  removeFilter(HEADER_MUTATION_FILTER),
  setConnectionManagerField(['common_http_protocol_options', 'headers_with_underscores_action'], 'ALLOW'),
];

const it = test.extend('key', { scope: 'file' }, async ({ node, administrator }) => {
  await node.createPlan(administrator, 'team', 1000);
  return node.createKey(administrator, 'team');
});

/** Sends a request that must pass. Returns the headers about Weir that reached the upstream. */
async function sendAndListWeirHeaders(origin: string, headers: HeaderLines) {
  const { status, received } = await sendThrough(origin, { path: '/orders', headers });
  expect(status).toBe(200);
  return received?.headers.filter((header) => /weir/i.test(header)).toSorted();
}

describe.for<[form: string, changes: EnvoyChange[]]>([
  ['headers', []],
  ['header_map', [setFilterField(EXT_AUTHZ_FILTER, ['encode_raw_headers'], true)]],
])('with the headers sent to Weir as %s', ([, changes]) => {
  let withKey: string;
  let anonymous: string;

  it.beforeAll(async ({ weir }) => {
    withKey = await weir.envoy(...DEFENCELESS, ...changes);
    anonymous = await weir.envoy(setContextExtensions({ 'weir.auth': 'optional' }), ...DEFENCELESS, ...changes);
  });

  it.for(FORGERIES)(
    'x-weir-* headers of the client are removed or overwritten if sent %s',
    async ([, lines], { key }) => {
      expect(await sendAndListWeirHeaders(withKey, [['x-api-key', key.secret], ...lines])).toEqual([
        expect.stringMatching(/^x-weir-account: [0-9a-f-]{36}$/),
        `x-weir-key: ${key.name.replace('apiKeys/', '')}`,
        'x-weir-plan: team',
      ]);
      expect(await sendAndListWeirHeaders(anonymous, lines)).toEqual([]);
    },
  );

  it('a credential that is repeated, joined by commas or invalid UTF-8 is denied', async ({ key: { secret } }) => {
    for (const headers of [
      [
        ['x-api-key', secret],
        ['x-api-key', secret],
      ],
      [['x-api-key', `${secret},${secret}`]],
      [
        ['x-api-key', `${secret}, `],
        ['x-api-key', 'x'],
      ],
      [['x-api-key', `${secret}\xff`]],
      [
        ['authorization', `Bearer ${secret}`],
        ['authorization', `Bearer ${secret}`],
      ],
      [['authorization', `Bearer \xff${secret}`]],
    ] satisfies HeaderLines[]) {
      expect((await sendThrough(withKey, { path: '/orders', headers })).status).toBe(401);
    }
  });
});
