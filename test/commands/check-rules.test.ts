import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runWeir } from './run-weir.ts';

let folder: string;
let [before, after, broken]: [string, string, string] = ['', '', ''];
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-rules-'));
  [before, after, broken] = ['before.yaml', 'after.yaml', 'broken.yaml'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(
    before,
    `domain: shop
descriptors:
  - {key: path, rate_limit: {requests: 5, window: 1m}}
  - {key: address, limits: [{name: burst, requests: 5, window: 1m}, {name: day, requests: 9, window: 1d, algorithm: calendar}]}
  - {key: old, value: x, rate_limit: {requests: 1, window: 1m}}
`,
  );
  await writeFile(
    after,
    `domain: shop
descriptors:
  - {key: path, shadow_mode: true, rate_limit: {requests: 7, window: 1m}}
  - {key: path, value: /login, rate_limit: {requests: 3, window: 1m}}
  - {key: address, limits: [{name: burst, requests: 5, window: 2m}, {name: day, requests: 9, window: 1d, algorithm: calendar}]}
`,
  );
  await writeFile(broken, 'domain: shop\ndescriptors:\n  - {key: path, rate_limit: {requests: 0, window: 1m}}\n');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('weir check-rules', () => {
  it('prints what changes compared with other rules', async () => {
    const { code, out } = await runWeir(['check-rules', after, '--against', before]);
    expect(code).toBe(0);
    expect(out).toBe(`${after}: 1 domain, no faults
~ shop.address
    - {name: burst, requests: 5, window: 60s, algorithm: sliding_window}
    + {name: burst, requests: 5, window: 120s, algorithm: sliding_window}: counters start at zero
- shop.old_x
    {name: 1m, requests: 1, window: 60s, algorithm: sliding_window}
~ shop.path
    - {name: 1m, requests: 5, window: 60s, algorithm: sliding_window}
    + {name: 1m, requests: 7, window: 60s, algorithm: sliding_window}: counters continue
    shadow_mode: false → true
+ shop.path_/login (previously matched by shop.path)
    {name: 1m, requests: 3, window: 60s, algorithm: sliding_window}: counters continue
`);
    expect(await runWeir(['check-rules', after, '--against', after])).toMatchObject({
      code: 0,
      out: `${after}: 1 domain, no faults\nnothing changes\n`,
    });
  });

  it('warns of rules that can never match, with their positions, and fails only with --strict', async () => {
    const dead = path.join(folder, 'dead.yaml');
    await writeFile(
      dead,
      `domain: edge
descriptors:
  - key: remote_address
    value: 10.0.0.0/8
    rate_limit: {requests: 5, window: 1m}
  - key: route
    value: login
    descriptors:
      - {key: account, rate_limit: {requests: 5, window: 1m}}
`,
    );
    const text = `${dead}: 1 domain, no faults, 1 warning
${dead}:9:9: warning: edge.route_login.account: can never match: in the domain edge, Check sends only remote_address, device, route, refused
`;
    expect(await runWeir(['check-rules', dead])).toEqual({ code: 0, out: text, err: '' });
    expect(await runWeir(['check-rules', '--strict', dead])).toEqual({ code: 1, out: '', err: text });
    expect(await runWeir(['check-rules', '--strict', after])).toMatchObject({ code: 0, err: '' });
  });

  it('lists what a folder has that is not read, and reads the folder by the variables of the service', async () => {
    const rules = path.join(folder, 'rules');
    await mkdir(path.join(rules, 'sub'), { recursive: true });
    for (const name of ['a.yml', 'b.yaml', 'noext', 'x.property', 'sub/b.yaml', '.c.yaml']) {
      const key = path.basename(name).replaceAll('.', '');
      await writeFile(
        path.join(rules, name),
        `domain: shop\ndescriptors: [{key: ${key}, rate_limit: {unlimited: true}}]\n`,
      );
    }
    expect(await runWeir(['check-rules', rules], { MERGE_DOMAIN_CONFIG: 'true' })).toEqual({
      code: 0,
      out:
        `${rules}: 1 domain, no faults\n` +
        'passed over: .c.yaml (begins with a dot), noext (not *.yaml or *.yml), sub/b.yaml (in a subfolder), ' +
        'x.property (not *.yaml or *.yml)\n',
      err: '',
    });
    const separate = await runWeir(['check-rules', rules]);
    expect(separate.code).toBe(1);
    expect(separate.err).toContain(`b.yaml:1:1: domain: must not be in two files ("shop" is also in ${rules}/a.yml)`);
    const all = { MERGE_DOMAIN_CONFIG: 'true', RUNTIME_IGNOREDOTFILES: 'false' };
    const explained = await runWeir(['explain', rules, 'shop', 'cyaml=x'], all);
    expect(explained.out).toContain('shop.cyaml');
    expect(await runWeir(['check-rules', rules], { MERGE_DOMAIN_CONFIG: 'yes' })).toEqual({
      code: 1,
      out: '',
      err: 'MERGE_DOMAIN_CONFIG: must be true or false (got "yes")\n',
    });
  });

  it('prints the faults of both sets of rules and exits 1', async () => {
    for (const operands of [[after, '--against', broken], [broken, '--against', after], [broken]]) {
      const { code, out, err } = await runWeir(['check-rules', ...operands]);
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(err).toMatch(/broken\.yaml:3:\d+: /);
    }
  });

  it('exits 2 if the command line is not understood', async () => {
    for (const operands of [
      [after, before],
      [after, '--against'],
      [after, '--yaml'],
    ]) {
      const { code, err } = await runWeir(['check-rules', ...operands]);
      expect(code).toBe(2);
      expect(err).toContain('Run `weir check-rules --help` for its usage.');
    }
  });
});
