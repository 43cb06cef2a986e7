import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InvalidRules, loadRules } from '../../src/rules/load/load-rules.ts';
import { BROKEN_RULES } from './broken-rules.ts';

const TOO_DEEP = 'is nested too deep to be read';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-rules-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The faults of what stands at a place in the folder, each without the place. */
async function faultsOf(name: string): Promise<string> {
  const place = path.join(folder, name);
  const error = await loadRules(place).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof InvalidRules)) throw new Error(`${name} was expected to be faulty`, { cause: error });
  return error.message.replaceAll(`${place}:`, '');
}

async function faultsOfFile(contents: string | Uint8Array): Promise<string> {
  await writeFile(path.join(folder, 'rules.yaml'), contents);
  return faultsOf('rules.yaml');
}

describe('a rules file has one fault, and is refused with it and its place', () => {
  it.each(BROKEN_RULES)('%s', async (_, text, told) => {
    expect(await faultsOfFile(text)).toBe(told);
  });

  it('nested 10,000 deep, in lists and maps, or by indentation', async () => {
    const levels = Array.from({ length: 10_000 });
    const flow = `${levels.map(() => '{key: k, descriptors: [').join('')}${levels.map(() => ']}').join('')}`;
    expect(await faultsOfFile(`domain: a\ndescriptors: [${flow}]\n`)).toBe(`2:1165: ${TOO_DEEP}`);
    expect(await faultsOfFile('['.repeat(10_000))).toBe(`1:102: ${TOO_DEEP}`);
    // With as much as may be in a file.
    const lines = levels
      .slice(0, 2500)
      .map((_, level) => `${' '.repeat(2 * level)}- key: k\n${' '.repeat(2 * level)}  descriptors:\n`);
    expect(await faultsOfFile(`domain: a\ndescriptors:\n${lines.join('')}`)).toBe(`204:1: ${TOO_DEEP}`);
  });

  it('nested deeper than rules may be', async () => {
    let nested = '{key: k}';
    for (let level = 1; level < 33; level++) nested = `{key: k, descriptors: [${nested}]}`;
    const told = '2:750: descriptors: must be nested at most 32 deep';
    expect(await faultsOfFile(`domain: a\ndescriptors: [${nested}]\n`)).toBe(told);
  });

  it('a bomb of aliases, which is not set off', async () => {
    const list = (item: string) => `[${Array.from({ length: 9 }, () => item).join(', ')}]`;
    let bomb = 'domain: a\ndescriptors:\n  - &x0 {key: k}\n';
    for (let level = 1; level < 30; level++)
      bomb += `  - &x${level} {key: k${level}, descriptors: ${list(`*x${level - 1}`)}}\n`;
    expect(await faultsOfFile(bomb)).toMatch(/^4:33: \*x0: aliases are not supported/);
  });

  it.each([
    ['a lone byte', [0x64, 0x0a, 0x61, 0xff], '2:2'],
    ['a character cut off', [0xc3], '1:1'],
    ['an overlong character', [0xc3, 0xa4, 0xc0, 0xaf], '1:2'],
    ['half of a surrogate pair', [0xed, 0xa0, 0x80], '1:1'],
    ['UTF-16', [0xff, 0xfe, 0x64, 0x00], '1:1'],
  ])('not UTF-8: %s', async (_, bytes, place) => {
    expect(await faultsOfFile(Uint8Array.from(bytes))).toBe(`${place}: is not UTF-8`);
  });

  it('longer than anybody writes', async () => {
    expect(await faultsOfFile('#'.repeat(16 * 2 ** 20 + 1))).toBe('1:1: must be at most 16777216 bytes');
  });
});

describe('what is no rules file is refused as such', () => {
  it('nothing', async () => {
    expect(await faultsOf('nowhere.yaml')).toBe('1:1: cannot be found or read');
  });

  it('a link to nothing, and one to itself', async () => {
    await symlink('nowhere', path.join(folder, 'nothing.yaml'));
    await symlink('self.yaml', path.join(folder, 'self.yaml'));
    expect(await faultsOf('nothing.yaml')).toBe('1:1: cannot be found or read');
    expect(await faultsOf('self.yaml')).toBe('1:1: cannot be found or read');
  });

  it('an empty folder', async () => {
    await mkdir(path.join(folder, 'empty'));
    expect(await faultsOf('empty')).toBe('1:1: has no *.yaml or *.yml in it');
  });

  it('a folder that is named as a file, within a folder', async () => {
    await mkdir(path.join(folder, 'outer', 'inner.yaml'), { recursive: true });
    expect(await faultsOf('outer')).toContain('inner.yaml:1:1: is not a file');
  });

  it('a device without an end, and a socket', async () => {
    await symlink('/dev/zero', path.join(folder, 'zero.yaml'));
    expect(await faultsOf('zero.yaml')).toBe('1:1: is not a file');
    const server = createServer().listen(path.join(folder, 'socket.yaml'));
    await once(server, 'listening');
    expect(await faultsOf('socket.yaml')).toBe('1:1: is not a file');
    server.close();
  });

  it.skipIf(process.getuid?.() === 0)('a file that this user may not read', async () => {
    const file = path.join(folder, 'secret.yaml');
    await writeFile(file, 'domain: a\n');
    await chmod(file, 0);
    expect(await faultsOf('secret.yaml')).toBe('1:1: cannot be read');
  });

  it('two files of one domain', async () => {
    await mkdir(path.join(folder, 'twice'));
    for (const name of ['a.yaml', 'b.yml']) await writeFile(path.join(folder, 'twice', name), 'domain: shop\n');
    const first = path.join(folder, 'twice', 'a.yaml');
    expect(await faultsOf('twice')).toContain(`b.yml:1:1: domain: "shop" is also in ${first}; one file each`);
  });
});

describe('weir check-rules', () => {
  it('prints each fault of each file of a folder by itself, and ends with exit code 1', async () => {
    const all = path.join(folder, 'all');
    await mkdir(all);
    const name = (place: number) => path.join(all, `${String(place).padStart(3, '0')}.yaml`);
    for (const [place, [, text]] of BROKEN_RULES.entries()) await writeFile(name(place), text);
    const child = spawn(process.execPath, ['dist/src/main.js', 'check-rules', all]);
    let printed = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (printed += text));
    expect(await once(child, 'close')).toEqual([1, null]);
    const expected = BROKEN_RULES.map(([, , told], place) => `${name(place)}:${told}`);
    expect(printed.trimEnd().split('\n')).toEqual(expected);
  });
});

describe('several faults', () => {
  it('of one descriptor are told together, also where a field is misspelt', async () => {
    const text =
      'domain: a\ndescriptors:\n  - {kye: k, shadow_mode: 5, rate_limit: {reqests: 0, window: soon, burst: 2}}\n';
    const told = (await faultsOfFile(text)).split('\n');
    expect(told.map((line) => line.split(': ').slice(0, 2).join(' '))).toEqual([
      '3:6 kye',
      '3:27 shadow_mode',
      '3:43 reqests',
      '3:52 rate_limit.requests',
      '3:63 rate_limit.window',
      '3:76 rate_limit.burst',
    ]);
  });
});
