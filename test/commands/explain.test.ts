import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
  it('tells which rule each descriptor has, and why', async () => {
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
     would fit, but that comes first: shop.path_/log*
     other keys at this level: address
  2. user=a,b=c: by its key alone, shop.path_/login.user
  rule shop.path_/login.user
     {name: burst, requests: 5, window: 30s, algorithm: sliding_window, block_for: 300s}
     {name: 1mo, requests: 100, window: 1mo, algorithm: calendar}
shop: path=/logout
  1. path=/logout: by a value with *, shop.path_/log*
     do not fit, for their value: shop.path_/login
     other keys at this level: address
  rule shop.path_/log*; in shadow mode: it refuses nothing
     {name: 1m, requests: 9, window: 60s, algorithm: sliding_window}
shop: address=::1, x=
  1. address=::1: by its key alone, shop.address
     other keys at this level: path
  2. x=: nothing fits
  no rule, so nothing limits it
     for fewer entries there is shop.address
`);
  });

  it('tells it in JSON', async () => {
    const { code, out } = await runWeir(['explain', '--json', rules, 'shop', 'address=a']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      domain: 'shop',
      descriptors: [{ entries: [{ key: 'address', value: 'a' }], rule: { path: 'shop.address' }, steps: [{}] }],
    });
  });

  it.each([
    [['explain']],
    [['explain', 'x', 'shop']],
    [['explain', 'x', 'shop', '=a']],
    [['explain', '--yaml', 'x', 'shop', 'a=b']],
  ])('ends with 2 where it is not understood: %j', async (operands) => {
    const { code, out, err } = await runWeir(operands);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('weir explain');
  });

  it('ends with 1 where the rules have faults', async () => {
    const { code, err } = await runWeir(['explain', path.join(folder, 'none.yaml'), 'shop', 'a=b']);
    expect(code).toBe(1);
    expect(err).toContain('none.yaml:1:1: cannot be found');
  });
});
