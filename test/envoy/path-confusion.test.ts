import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EnvoyChange, ofConnectionManager } from '../../demo/envoy.ts';
import { AuthorizationService, CheckRequest } from '../../src/generated/envoy/service/auth/v3/external_auth.ts';
import { WeirBehindEnvoy, sendThrough } from '../support/weir-behind-envoy.ts';
import { newDatabase } from '../support/databases.ts';
import { parseDenial, addedHeaders, httpStatus } from '../support/decision-calls.ts';

/** Ways to write a path so that it is one thing to who decides and another to who answers. */
const PATHS = [
  '//evil.example/orders',
  '//healthz',
  '//both/orders',
  '/both%2Forders',
  '/both%5Corders',
  '/both\\orders',
  '/healthz/../orders',
  '/healthz/..%2forders',
  '/healthz%2f..%2forders',
  '/healthz%5c..%5corders',
  '/healthz\\..\\orders',
  '/healthz/%2e%2e/orders',
  '/healthz/.%2e/orders',
  '/healthz/..;/orders',
  '/healthz;x',
  '/healthz;/../orders',
  '/healthz%3b/../orders',
  '/healthz%00',
  '/healthz%23/../orders',
  '/healthz#/../orders',
  '/HEALTHZ',
  '/./healthz/../../orders',
  '/orders;x=1',
  '/orders/..%252fhealthz',
  '/%2e%2e/%2e%2e/orders',
  '/healthz?/../orders',
  '/orders?/healthz',
];

let weir: WeirBehindEnvoy;
let secret: string;

beforeAll(async () => {
  weir = await WeirBehindEnvoy.start({ DATABASE_URL: await newDatabase(), API_KEY_QUERY_PARAMETER: 'api_key' });
  const administrator = await weir.node.signIn();
  await weir.node.createPlan(administrator, 'team', 1000);
  ({ secret } = await weir.node.createKey(administrator, 'team'));
}, 600_000);
afterAll(() => weir?.stop());

describe('the path is an opaque string to Weir', () => {
  const ask = (path: string, headers: Record<string, string>) => {
    const request = CheckRequest.fromPartial({ attributes: { request: { http: { path, headers } } } });
    return weir.node.decision.call(AuthorizationService.check, request);
  };

  it.each([...PATHS, '', '*', 'http://other.example/orders', 'x'.repeat(60_000)])('%s', async (path) => {
    expect(parseDenial(await ask(path, {}))?.code).toBe('missing_credential');
    const [, remaining] = await remainingOf(ask('/', { 'x-api-key': secret }));
    expect(await remainingOf(ask(path, { 'x-api-key': secret }))).toEqual([200, remaining - 1]);
  });

  async function remainingOf(answer: ReturnType<typeof ask>): Promise<[status: number | undefined, remaining: number]> {
    return [httpStatus(await answer), Number(addedHeaders(await answer)['x-ratelimit-remaining'])];
  }
});

const AS_IT_COMES: EnvoyChange[] = [
  ofConnectionManager(['normalize_path'], false),
  ofConnectionManager(['merge_slashes'], false),
  ofConnectionManager(['path_with_escaped_slashes_action'], 'KEEP_UNCHANGED'),
];

describe.for<[what: string, changes: EnvoyChange[]]>([
  ['as it is configured', []],
  ['that leaves paths as they come', AS_IT_COMES],
])('behind a real Envoy %s', ([, changes]) => {
  let origin: string;

  beforeAll(async () => {
    origin = await weir.envoy(...changes);
  });

  it.each(PATHS)('%s is no way around Check', async (path) => {
    const { status, received } = await sendThrough(origin, { path });
    const pathname = received?.path.split('?')[0];
    expect({ status, pathname }).toEqual(
      // What goes by without a key is what everybody may ask, and nothing else.
      status === 200 ? { status, pathname: '/healthz' } : { status: expect.toBeOneOf([400, 401]), pathname: undefined },
    );
  });
});

describe('an Envoy that is configured as here', () => {
  it.each(PATHS)('tells the upstream of %s what cannot be read in two ways', async (path) => {
    const origin = await configured();
    const { status, received } = await sendThrough(origin, { path, headers: [['x-api-key', secret]] });
    if (status === 200) expect(received?.path.split('?')[0]).not.toMatch(/\/\/|\/\.\.?(\/|$)|%2f|%5c|\\|%00/i);
    else expect(status).toBeOneOf([307, 400]);
  });

  let started: Promise<string> | undefined;
  function configured(): Promise<string> {
    started ??= weir.envoy();
    return started;
  }
});
