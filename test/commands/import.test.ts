import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { importKong } from '../../src/commands/import/import-kong.ts';
import { importLimitador } from '../../src/commands/import/import-limitador.ts';
import { parseCondition, parseVariable } from '../../src/commands/import/limitador-expression.ts';
import { readConfig } from '../../src/config/config.ts';
import { parsePlanLimits } from '../../src/domain/limits/plan.ts';
import type { UntrustedPlanLimitSpec } from '../../src/domain/limits/plan-limit.ts';
import { parseRules } from '../../src/rules/parse/parse-rules.ts';
import { runWeir } from './run-weir.ts';

const LIMITS = `
- namespace: shop
  max_value: 10
  seconds: 60
  conditions: ["descriptors[0].method == 'GET'"]
  variables: ["descriptors[0].user_id"]
- {namespace: shop, max_value: 99, seconds: 60, conditions: ["descriptors[0].method == 'GET'"], variables: ["descriptors[0].user_id"]}
- {namespace: shop, max_value: 0, seconds: 60, conditions: ['descriptors[0]["req.path"] == "/admin"']}
- {namespace: other, max_value: 5, seconds: 3600, name: hourly, variables: [user_id]}
- {namespace: other, max_value: 5, seconds: 1, conditions: ["descriptors[0].method != 'GET'"]}
- {namespace: other, max_value: 5, seconds: 1, conditions: ["descriptors[0].path == '/a*'"]}
- {namespace: other, max_value: 5, seconds: 1, variables: ["descriptors[0].a", "descriptors[1].b"]}
- {namespace: other, max_value: 5, seconds: 1, id: everything}
- {max_value: 5, seconds: 1, variables: [a]}
`;

const DECK = `
_format_version: "3.0"
plugins:
  - {name: rate-limiting, config: {minute: 60, day: 1000, policy: redis, redis: {host: r}}}
  - {name: rate-limiting, config: {second: 20, limit_by: ip}}
  - {name: cors, config: {}}
  - {name: key-auth, enabled: false}
services:
  - name: shop
    url: http://shop
    plugins:
      - {name: key-auth, config: {key_names: [apikey, x-key], key_in_body: true, anonymous: nobody}}
      - {name: rate-limiting, config: {minute: 5, limit_by: service}}
    routes:
      - name: login
        paths: [/login]
        plugins:
          - {name: rate-limiting, config: {minute: 3, limit_by: ip, error_code: 420}}
consumer_groups:
  - name: Gold Customers
    plugins:
      - {name: rate-limiting-advanced, config: {limit: [100, 2000], window_size: [60, 3600], window_type: fixed, strategy: redis}}
consumers:
  - username: alice
    groups: [{name: Gold Customers}]
    keyauth_credentials: [{key: alice-key-0123456789}, {key: alice-key-9876543210, ttl: 60}]
  - username: bob
    plugins: [{name: rate-limiting, config: {minute: 1, limit_by: ip}}]
    jwt_secrets: [{key: a}]
    keyauth_credentials: [{key: short}, {key: bobs-key-0123456789ab}]
upstreams: [{name: u}]
`;

const fileNamed = (files: readonly { readonly name: string; readonly text: string }[], name: string) =>
  files.find((file) => file.name === name)?.text ?? '';

describe('an import of limits of Limitador', () => {
  const { files, notes } = importLimitador(LIMITS);

  it('makes rules of limits whose conditions and variables are entries of one descriptor', () => {
    expect(files.map(({ name }) => name)).toEqual(['shop.yaml', 'other.yaml']);
    for (const { name, text } of files) expect(parseRules(name, text)).toHaveProperty('root');
    const window = '1m';
    const limits = [
      { name: '1m', requests: 10, window },
      { name: '1m-2', requests: 99, window },
    ];
    expect(parse(fileNamed(files, 'shop.yaml'))).toEqual({
      domain: 'shop',
      descriptors: [
        { key: 'method', value: 'GET', descriptors: [{ key: 'user_id', limits }] },
        {
          key: 'req.path',
          value: '/admin',
          limits: [{ name: '1m', unit: 'second', unit_multiplier: 60, requests_per_unit: 0 }],
        },
      ],
    });
    expect(parse(fileNamed(files, 'other.yaml')).descriptors).toEqual([
      { key: 'user_id', limits: [{ name: 'hourly', requests: 5, window: '1h' }] },
    ]);
  });

  it('lists every limit that it does not carry over, and what each rule needs', () => {
    expect(notes).toEqual([
      `limits[4].conditions[0]: Weir has no such expression; the limit is not carried over (got "descriptors[0].method != 'GET'")`,
      `limits[5].conditions[0]: an asterisk stands for any characters in Weir; the limit is not carried over (got "descriptors[0].path == '/a*'")`,
      'limits[6]: refers to several descriptors; a rule matches one, so the limit is not carried over',
      'limits[7].id: is not carried over',
      'limits[7]: has neither conditions nor variables; send a descriptor of its own to limit all requests',
      'limits[8]: must have a namespace, and max_value and seconds as whole numbers; it is not carried over',
      'shop: needs a descriptor with exactly these entries, in this order: method, user_id',
      'shop: needs a descriptor with exactly these entries, in this order: req.path',
      'other: needs a descriptor with exactly these entries, in this order: user_id',
    ]);
  });

  it.each([
    ["descriptors[1].method == 'GET'", { descriptor: 1, key: 'method', value: 'GET' }],
    ['descriptors[0]["a.b"]=="c d"', { descriptor: 0, key: 'a.b', value: 'c d' }],
    ['req.method == GET', { descriptor: undefined, key: 'req.method', value: 'GET' }],
    ["descriptors[0].a == ''", undefined],
    ["descriptors[0].a == 'b' && true", undefined],
    ["descriptors[0].a.startsWith('b')", undefined],
  ])('reads the condition %s', (text, entry) => expect(parseCondition(text)).toEqual(entry));

  it('reads variables', () => {
    expect(parseVariable("descriptors[0]['a']")).toEqual({ descriptor: 0, key: 'a', value: undefined });
    expect(parseVariable('string(descriptors[0].a)')).toBeUndefined();
  });
});

describe('an import of a deck file of Kong', () => {
  const { files, notes } = importKong(DECK);

  it('makes plans of the limits of consumers and their groups', () => {
    const plans: readonly { planId: string; plan: { limits: UntrustedPlanLimitSpec[] } }[] = JSON.parse(
      fileNamed(files, 'plans.json'),
    );
    expect(plans.map(({ planId }) => planId)).toEqual(['kong', 'gold-customers']);
    expect(plans[0]?.plan.limits).toEqual([
      { name: 'minute', requests: 60, window: '1m' },
      { name: 'day', requests: 1000, window: '1d', algorithm: 'calendar' },
    ]);
    expect(plans[1]?.plan.limits).toEqual([
      { name: '60s', requests: 100, window: '60s', algorithm: 'fixed_window' },
      { name: '3600s', requests: 2000, window: '3600s', algorithm: 'fixed_window' },
    ]);
    for (const { plan } of plans) expect(parsePlanLimits(plan.limits)).not.toHaveProperty('faults');
  });

  it('makes keys for ImportApiKeys, each with the plan of its consumer', () => {
    expect(JSON.parse(fileNamed(files, 'keys-1.json'))).toEqual({
      apiKeys: [
        { secret: 'alice-key-0123456789', displayName: 'alice', plan: 'plans/gold-customers' },
        { secret: 'alice-key-9876543210', displayName: 'alice', plan: 'plans/gold-customers' },
        { secret: 'bobs-key-0123456789ab', displayName: 'bob', plan: 'plans/kong' },
      ],
    });
  });

  it('makes rules of the domain edge for limits of addresses, and the sources of keys', () => {
    const edge = fileNamed(files, 'edge.yaml');
    expect(parseRules('edge.yaml', edge)).toHaveProperty('root');
    expect(parse(edge).descriptors).toEqual([
      { key: 'remote_address', limits: [{ name: 'second', requests: 20, window: '1s' }] },
      {
        key: 'route',
        value: 'login',
        descriptors: [{ key: 'remote_address', limits: [{ name: 'minute', requests: 3, window: '1m' }] }],
      },
    ]);
    const sources = 'header:apikey,query:apikey,header:x-key,query:x-key';
    expect(fileNamed(files, 'weir.env')).toBe(`API_KEY_SOURCES=${sources}\n`);
    expect(() => readConfig({ API_KEY_SOURCES: sources })).not.toThrow();
  });

  it('lists what it does not carry over', () => {
    expect(notes).toEqual([
      'file.upstreams: is not carried over',
      'services, routes: Envoy routes requests; set weir.route on each of its routes to the name that it has here',
      'plugins[cors]: the plugin cors is not carried over',
      'plugins[key-auth]: key-auth is disabled; it is not carried over',
      'services[shop].plugins[key-auth].config.key_in_body: Weir reads no keys from bodies',
      'services[shop].plugins[key-auth].config.anonymous: set weir.auth: optional on the routes that anonymous requests may use',
      'services[shop].plugins[rate-limiting]: limits by service for the service shop are not carried over; write rules for them',
      'services[shop].routes[login].plugins[rate-limiting].config.error_code: is not carried over',
      'consumers[alice]: alice has several keys; each of them has the limits by itself',
      'consumers[alice].keyauth_credentials[1].ttl: is not carried over',
      'consumers[bob].jwt_secrets: is not carried over',
      'consumers[bob].plugins[rate-limiting]: limits by ip for bob are not carried over; write rules for them',
      'consumers[bob]: bob has several keys; each of them has the limits by itself',
      'consumers[bob].keyauth_credentials[0].key: must have 16 to 256 characters to be imported',
    ]);
  });
});

describe('weir import', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'weir-import-'));
    await writeFile(path.join(folder, 'limits.yaml'), LIMITS);
    await writeFile(path.join(folder, 'deck.yaml'), DECK);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('writes files that only their owner can read, and overwrites none', async () => {
    const out = path.join(folder, 'out');
    const { code, out: text } = await runWeir(['import', 'kong', path.join(folder, 'deck.yaml'), '--out', out]);
    expect(code).toBe(0);
    expect(text).toContain(`wrote ${path.join(out, 'keys-1.json')}\n`);
    expect(text).toContain('note: file.upstreams: is not carried over\n');
    expect((await stat(path.join(out, 'keys-1.json'))).mode & 0o777).toBe(0o600);
    const again = await runWeir(['import', 'kong', path.join(folder, 'deck.yaml'), '--out', out]);
    expect(again).toMatchObject({ code: 1, err: `${path.join(out, 'plans.json')}: exists already\n` });
  });

  it('writes rules that check-rules accepts', async () => {
    const out = path.join(folder, 'rules');
    expect((await runWeir(['import', 'limitador', path.join(folder, 'limits.yaml'), '--out', out])).code).toBe(0);
    expect(await readFile(path.join(out, 'shop.yaml'), 'utf8')).toContain('domain: shop');
    const checked = await runWeir(['check-rules', out]);
    expect(checked.code).toBe(0);
    expect(checked.out).toContain(`${out}: 2 domains, no faults`);
  });

  it('names a file that cannot be read, or is not YAML', async () => {
    const missing = await runWeir(['import', 'kong', '/does/not/exist', '--out', folder]);
    expect(missing).toMatchObject({ code: 1, err: '/does/not/exist: must be a file that exists and can be read\n' });
    await writeFile(path.join(folder, 'broken.yaml'), 'a: [');
    const broken = await runWeir(['import', 'kong', path.join(folder, 'broken.yaml'), '--out', folder]);
    expect(broken.err).toMatch(/broken\.yaml: must be YAML/);
  });
});
