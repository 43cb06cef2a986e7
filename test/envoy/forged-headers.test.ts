import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  contextExtensions,
  type EnvoyChange,
  EXT_AUTHZ,
  HEADER_MUTATION,
  ofConnectionManager,
  ofFilter,
  without,
} from '../../demo/envoy.ts';
import { WeirBehindEnvoy, sendThrough } from '../support/weir-behind-envoy.ts';
import { newDatabase } from '../support/databases.ts';
import type { Headers } from '../support/grpc-client.ts';
import type { NewApiKey } from '../support/node.ts';

type Fields = readonly (readonly [name: string, value: string])[];

/** Bytes that are no UTF-8, as Node writes them. */
const NO_TEXT = '\xff\xfeenterprise\xc0';

const FORGERIES: readonly (readonly [way: string, fields: Fields])[] = [
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
    'not as UTF-8',
    [
      ['x-weir-plan', NO_TEXT],
      ['x-weir-role', NO_TEXT],
      ['x_weir_key', NO_TEXT],
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
    'with names that nobody has thought of',
    [
      ['x-weir-', '1'],
      ['x_weir_', '1'],
      ['x-weir-x-weir-plan', '1'],
    ],
  ],
];

/** An Envoy that does nothing of its own against them: what is shown is Weir's part. */
const DEFENCELESS: EnvoyChange[] = [
  without(HEADER_MUTATION),
  ofConnectionManager(['common_http_protocol_options', 'headers_with_underscores_action'], 'ALLOW'),
];

let weir: WeirBehindEnvoy;
let administrator: Headers;
let key: NewApiKey;

beforeAll(async () => {
  weir = await WeirBehindEnvoy.start({ DATABASE_URL: await newDatabase() });
  administrator = await weir.node.signIn();
  await weir.node.createPlan(administrator, 'team', 1000);
  key = await weir.node.createKey(administrator, 'team');
}, 600_000);
afterAll(() => weir?.stop());

describe.for<[form: string, changes: EnvoyChange[]]>([
  ['headers', []],
  ['header_map', [ofFilter(EXT_AUTHZ, ['encode_raw_headers'], true)]],
])(
  'headers that Weir owns are removed or overwritten, whatever the client sent and Envoy tells it in %s',
  ([, changes]) => {
    let forKeys: string;
    let forAll: string;

    beforeAll(async () => {
      forKeys = await weir.envoy(...DEFENCELESS, ...changes);
      forAll = await weir.envoy(contextExtensions({ 'weir.auth': 'optional' }), ...DEFENCELESS, ...changes);
    });

    const reaching = async (origin: string, headers: Fields) => {
      const { status, received } = await sendThrough(origin, { path: '/orders', headers });
      expect(status).toBe(200);
      return received?.headers.filter((each) => /weir/i.test(each)).toSorted();
    };

    it.each(FORGERIES)('%s', async (_, fields) => {
      const identity = await reaching(forKeys, [['x-api-key', key.secret], ...fields]);
      expect(identity).toEqual([
        expect.stringMatching(/^x-weir-account: [0-9a-f-]{36}$/),
        `x-weir-key: ${key.name.replace('apiKeys/', '')}`,
        'x-weir-plan: team',
      ]);
      expect(await reaching(forAll, fields)).toEqual([]);
    });

    it('of a credential that came twice, is joined or is no text, nothing passes', async () => {
      const { secret } = key;
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
      ] satisfies Fields[]) {
        expect((await sendThrough(forKeys, { path: '/orders', headers })).status).toBe(401);
      }
    });
  },
);
