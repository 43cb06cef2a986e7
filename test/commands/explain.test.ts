import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { check } from '../support/clients/decision-calls.ts';
import { newDatabase } from '../support/databases.ts';
import { TestNode } from '../support/node.ts';
import { runWeir } from './run-weir.ts';

const RULES = `domain: shop
descriptors:
  - key: path
    value: /login
    descriptors:
      - key: user
        limits: [{name: burst, requests: 5, window: 30s, block_for: 5m}, {requests: 100, window: 1mo, algorithm: calendar}]
  - {key: path, value: /log*, shadow_mode: true, rate_limit: {requests: 9, window: 1m}}
  - {key: address, rate_limit: {requests: 9, window: 1m}}
`;

let folder: string;
let rules: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-rules-'));
  rules = path.join(folder, 'rules.yaml');
  await writeFile(rules, RULES);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('weir explain', () => {
  it('prints which rule each descriptor has, and why', async () => {
    const { code, out } = await runWeir([
      'explain',
      rules,
      'shop',
      'path=/login,user=a\\,b=c',
      'path=/logout',
      'address=::1,x=',
    ]);
    expect(code).toBe(0);
    expect(out).toBe(`shop: path=/login, user=a,b=c
  1. path=/login: by its value, shop.path_/login
     also match, but come later: shop.path_/log*
     other keys at this level: address
  2. user=a,b=c: by its key alone, shop.path_/login.user
  rule shop.path_/login.user
     {name: burst, requests: 5, window: 30s, algorithm: sliding_window, block_for: 300s}
     {name: 1mo, requests: 100, window: 1mo, algorithm: calendar}
shop: path=/logout
  1. path=/logout: by a value with *, shop.path_/log*
     have the key and another value: shop.path_/login
     other keys at this level: address
  rule shop.path_/log*; in shadow mode: rejects nothing
     {name: 1m, requests: 9, window: 60s, algorithm: sliding_window}
shop: address=::1, x=
  1. address=::1: by its key alone, shop.address
     other keys at this level: path
  2. x=: nothing matches
  no rule, so no limit applies
     rules for fewer entries: shop.address
`);
  });

  it('prints the explanation as JSON for programs', async () => {
    const { code, out } = await runWeir(['explain', '--json', rules, 'shop', 'address=a']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      domain: 'shop',
      descriptors: [
        {
          entries: [{ key: 'address', value: 'a' }],
          isDomainKnown: true,
          rule: { path: 'shop.address' },
          steps: [
            {
              entry: { key: 'address', value: 'a' },
              taken: { way: 'key', path: 'shop.address' },
              passedOver: { first: [], omitted: 0 },
              otherValues: { first: [], omitted: 0 },
              otherKeys: { first: ['path'], omitted: 0 },
            },
          ],
          onTheWay: [],
          keysBelow: { first: [], omitted: 0 },
        },
      ],
    });
  });

  it.each([
    [['explain']],
    [['explain', 'x', 'shop']],
    [['explain', 'x', 'shop', '=a']],
    [['explain', '--yaml', 'x', 'shop', 'a=b']],
  ])('exits 2 if the command line is not understood: %j', async (operands) => {
    const { code, out, err } = await runWeir(operands);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('Run `weir explain --help` for its usage.');
  });

  it('exits 1 if the rules have faults', async () => {
    const { code, err } = await runWeir(['explain', path.join(folder, 'none.yaml'), 'shop', 'a=b']);
    expect(code).toBe(1);
    expect(err).toContain('none.yaml:1:1: must be a file or folder that exists');
  });
});

describe('weir explain --server', () => {
  let node: TestNode;
  let server: string;
  let environment: { readonly WEIR_ACCESS_TOKEN: string };
  beforeAll(async () => {
    node = await TestNode.start({ DATABASE_URL: await newDatabase(), RULES_PATH: rules });
    server = `127.0.0.1:${node.app.ports.admin}`;
    const { authorization = '' } = await node.signIn();
    environment = { WEIR_ACCESS_TOKEN: authorization.replace('Bearer ', '') };
  });
  afterAll(() => node?.stop());

  it('adds the state of the counters and the answer for descriptors', async () => {
    const operands = ['explain', '--server', server, 'shop', 'path=/login,user=ann', 'path=/logout'];
    const { code, out } = await runWeir(operands, environment);
    expect(code).toBe(0);
    expect(out.split('\n').slice(0, 5)).toEqual([
      'shop: path=/login, user=ann',
      '  1. path=/login: by its value, shop.path_/login',
      '     also match, but come later: shop.path_/log*',
      '     other keys at this level: address',
      '  2. user=ann: by its key alone, shop.path_/login.user',
    ]);
    expect(out).toContain(`  limit shop.path_/login.user/burst: charges 1; 5 of 5 left
  limit shop.path_/login.user/1mo: charges 1; 100 of 100 left
  limit shop.path_/log*: in shadow mode; 9 of 9 left
answer: ok
`);
  });

  it('prints the limits of an API key', async () => {
    const administrator = await node.signIn();
    await node.createPlan(administrator, 'team', 1);
    const { name, secret } = await node.createKey(administrator, 'team');
    await check(node.decision, { 'x-api-key': secret });
    const { code, out } = await runWeir(['explain', '--server', server, '--api-key', name], environment);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^apiKeys\/\S+, accounts\/\S+, plans\/team\n {2}limit plans\/team\/burst: charges 1; 0 of 1 left; full/,
    );
    expect(out).toContain('rejects\nanswer: over_limit\n');
    const json = await runWeir(['explain', '--json', '--server', server, '--api-key', name], environment);
    expect(JSON.parse(json.out)).toMatchObject({
      answer: 'over_limit',
      apiKey: name,
      limits: [{ use: 'USE_CHARGED' }],
    });
  });

  it('exits 1 and says why without a token, with a wrong one, and if no server answers', async () => {
    const operands = ['explain', '--server', server, 'shop', 'path=/a'];
    const [none, wrong, away] = await Promise.all([
      runWeir(operands),
      runWeir(operands, { WEIR_ACCESS_TOKEN: 'not-a-token' }),
      runWeir(['explain', '--server', '127.0.0.1:1', 'shop', 'path=/a'], environment),
    ]);
    expect([none, wrong, away].map(({ code, out }) => ({ code, out }))).toEqual(Array(3).fill({ code: 1, out: '' }));
    expect(none.err).toContain('WEIR_ACCESS_TOKEN: must be set');
    expect(wrong.err).toContain('the access token is invalid or has expired');
    expect(wrong.err).not.toContain('not-a-token');
    expect(away.err).toContain('127.0.0.1:1: ');
  });
});
