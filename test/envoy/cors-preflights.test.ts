import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  contextExtensions,
  type EnvoyChange,
  EXT_AUTHZ,
  HEADER_MUTATION,
  ofFilter,
  without,
} from '../../demo/envoy.ts';
import { WeirBehindEnvoy, sendThrough } from '../support/weir-behind-envoy.ts';
import { newDatabase } from '../support/databases.ts';

const RULES = `
domain: edge
descriptors:
  - {key: route, value: limited, rate_limit: {requests: 2, window: 60s}}
`;

let weir: WeirBehindEnvoy;

beforeAll(async () => {
  const rules = path.join(await mkdtemp(path.join(tmpdir(), 'weir-rules-')), 'rules.yaml');
  await writeFile(rules, RULES);
  weir = await WeirBehindEnvoy.start({ DATABASE_URL: await newDatabase(), RULES_PATH: rules });
}, 600_000);
afterAll(() => weir?.stop());

type Fields = [name: string, value: string][];
const PREFLIGHT: Fields = [
  ['origin', 'https://app.example'],
  ['access-control-request-method', 'DELETE'],
];
const FORGED: Fields = [
  ['x-weir-account', 'somebody'],
  ['x-weir-plan', 'enterprise'],
  ['x-weir-key', 'k'],
];

function asker(origin: string) {
  return (headers: Fields, method = 'OPTIONS') => sendThrough(origin, { method, path: '/orders', headers });
}

describe('a CORS preflight behind a real Envoy', () => {
  it('is answered 401 unless the route lets it in', async () => {
    const ask = asker(await weir.envoy());
    expect((await ask(PREFLIGHT)).status).toBe(401);
  });

  describe.for<[form: string, changes: EnvoyChange[]]>([
    ['headers', []],
    ['header_map', [ofFilter(EXT_AUTHZ, ['encode_raw_headers'], true)]],
  ])('asked with %s', ([, changes]) => {
    let ask: ReturnType<typeof asker>;

    beforeAll(async () => {
      const extensions = { 'weir.cors_preflight': 'allow', 'weir.require': 'export' };
      ask = asker(await weir.envoy(contextExtensions(extensions), without(HEADER_MUTATION), ...changes));
    });

    it('comes in where the route lets it, as nobody', async () => {
      const { status, received } = await ask([...PREFLIGHT, ...FORGED]);
      expect(status).toBe(200);
      expect(received).toMatchObject({ method: 'OPTIONS', path: '/orders' });
      expect(received?.headers.filter((each) => /weir/i.test(each))).toEqual([]);
      expect(received?.headers).toContain('origin: https://app.example');
    });

    it('is one by its method and both headers, and has no credential', async () => {
      for (const method of ['GET', 'POST', 'DELETE']) expect((await ask(PREFLIGHT, method)).status).toBe(401);
      for (const header of PREFLIGHT) expect((await ask([header])).status).toBe(401);
      const { status, answer } = await ask([...PREFLIGHT, ['x-api-key', 'wk_live_wrong']]);
      expect([status, JSON.parse(answer.body).error.code]).toEqual([401, 'malformed_credential']);
    });
  });

  it('is charged what the domain edge does', async () => {
    const extensions = { 'weir.cors_preflight': 'allow', 'weir.route': 'limited' };
    const ask = asker(await weir.envoy(contextExtensions(extensions)));
    const statuses = [];
    for (let time = 0; time < 3; time++) statuses.push((await ask(PREFLIGHT)).status);
    expect(statuses).toEqual([200, 200, 429]);
  });
});
