import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InvalidRules, loadRules } from '../../src/rules/load/load-rules.ts';
import { BROKEN_RULES } from './broken-rules/broken-rules.ts';

const TOO_DEEP = 'invalid YAML: nested too deep';
const NOT_FOUND = '1:1: must be a file or folder that exists and can be read';

/** User id of `nobody`. */
const NOBODY = 65_534;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-rules-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Loads rules from a path in the folder. Returns their faults, one per line, without that path. */
async function loadFaults(name: string): Promise<string> {
  const rulesPath = path.join(folder, name);
  const error = await loadRules(rulesPath).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof InvalidRules)) throw new Error(`${name} must have faults`, { cause: error });
  return error.message.replaceAll(`${rulesPath}:`, '');
}

async function loadFaultsOfText(contents: string | Uint8Array): Promise<string> {
  await writeFile(path.join(folder, 'rules.yaml'), contents);
  return loadFaults('rules.yaml');
}

/** Runs an action as a user other than root, because root can read every file. */
async function withoutRoot<T>(action: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return action();
  await chmod(folder, 0o755);
  process.seteuid?.(NOBODY);
  return action().finally(() => process.seteuid?.(0));
}

describe('a rules file with one fault is rejected with that fault and its position', () => {
  it.each(BROKEN_RULES)('rejects %s', async (_, text, fault) => {
    expect(await loadFaultsOfText(text)).toBe(fault);
  });

  it('rejects nesting of 10,000 levels, in flow style and by indentation', async () => {
    const levels = Array.from({ length: 10_000 });
    const flow = `${levels.map(() => '{key: k, descriptors: [').join('')}${levels.map(() => ']}').join('')}`;
    expect(await loadFaultsOfText(`domain: a\ndescriptors: [${flow}]\n`)).toBe(`2:1165: ${TOO_DEEP}`);
    expect(await loadFaultsOfText('['.repeat(10_000))).toBe(`1:102: ${TOO_DEEP}`);
    // As many levels as fit into the largest file that is accepted.
    const lines = levels
      .slice(0, 2500)
      .map((_, level) => `${' '.repeat(2 * level)}- key: k\n${' '.repeat(2 * level)}  descriptors:\n`);
    expect(await loadFaultsOfText(`domain: a\ndescriptors:\n${lines.join('')}`)).toBe(`204:1: ${TOO_DEEP}`);
  });

  it('rejects descriptors that are nested deeper than 32 levels', async () => {
    let nested = '{key: k}';
    for (let level = 1; level < 33; level++) nested = `{key: k, descriptors: [${nested}]}`;
    const fault = '2:750: descriptors: must be nested at most 32 levels deep';
    expect(await loadFaultsOfText(`domain: a\ndescriptors: [${nested}]\n`)).toBe(fault);
  });

  it('rejects a bomb of aliases without expanding it', async () => {
    const list = (item: string) => `[${Array.from({ length: 9 }, () => item).join(', ')}]`;
    let bomb = 'domain: a\ndescriptors:\n  - &x0 {key: k}\n';
    for (let level = 1; level < 30; level++)
      bomb += `  - &x${level} {key: k${level}, descriptors: ${list(`*x${level - 1}`)}}\n`;
    expect(await loadFaultsOfText(bomb)).toMatch(/^4:33: \*x0: aliases are not supported/);
  });

  it.each([
    ['a single invalid byte', [0x64, 0x0a, 0x61, 0xff], '2:2'],
    ['a truncated character', [0xc3], '1:1'],
    ['an overlong encoding', [0xc3, 0xa4, 0xc0, 0xaf], '1:2'],
    ['half of a surrogate pair', [0xed, 0xa0, 0x80], '1:1'],
    ['UTF-16', [0xff, 0xfe, 0x64, 0x00], '1:1'],
  ])('rejects a file that is not UTF-8: %s', async (_, bytes, position) => {
    expect(await loadFaultsOfText(Uint8Array.from(bytes))).toBe(`${position}: must be encoded in UTF-8`);
  });

  it('rejects a file of more than 16 MiB', async () => {
    const fault = '1:1: must be at most 16777216 bytes (got 16777217)';
    expect(await loadFaultsOfText('#'.repeat(16 * 2 ** 20 + 1))).toBe(fault);
  });
});

describe('a path that does not lead to rules files is rejected', () => {
  it('rejects a path that does not exist', async () => {
    expect(await loadFaults('nowhere.yaml')).toBe(NOT_FOUND);
  });

  it('rejects a symbolic link that leads nowhere or to itself', async () => {
    await symlink('nowhere', path.join(folder, 'nothing.yaml'));
    await symlink('self.yaml', path.join(folder, 'self.yaml'));
    expect(await loadFaults('nothing.yaml')).toBe(NOT_FOUND);
    expect(await loadFaults('self.yaml')).toBe(NOT_FOUND);
  });

  it('rejects an empty folder', async () => {
    await mkdir(path.join(folder, 'empty'));
    expect(await loadFaults('empty')).toBe('1:1: must contain a *.yaml or *.yml file');
  });

  it('rejects a folder within a folder that is named like a rules file', async () => {
    await mkdir(path.join(folder, 'outer', 'inner.yaml'), { recursive: true });
    expect(await loadFaults('outer')).toContain('inner.yaml:1:1: must be a regular file');
  });

  it('rejects a device without an end, and a socket', async () => {
    await symlink('/dev/zero', path.join(folder, 'zero.yaml'));
    expect(await loadFaults('zero.yaml')).toBe('1:1: must be a regular file');
    const server = createServer().listen(path.join(folder, 'socket.yaml'));
    await once(server, 'listening');
    expect(await loadFaults('socket.yaml')).toBe('1:1: must be a regular file');
    server.close();
  });

  it('rejects a file that this user must not read', async () => {
    const file = path.join(folder, 'secret.yaml');
    await writeFile(file, 'domain: a\n');
    await chmod(file, 0);
    expect(await withoutRoot(() => loadFaults('secret.yaml'))).toBe('1:1: must be readable by this user');
  });

  it('rejects two files with the same domain', async () => {
    await mkdir(path.join(folder, 'twice'));
    for (const name of ['a.yaml', 'b.yml']) await writeFile(path.join(folder, 'twice', name), 'domain: shop\n');
    const first = path.join(folder, 'twice', 'a.yaml');
    expect(await loadFaults('twice')).toContain(
      `b.yml:1:1: domain: must not be in two files ("shop" is also in ${first})`,
    );
  });
});

describe('weir check-rules', () => {
  it('prints each fault of each file of a folder on its own line, and exits with 1', async () => {
    const rulesPath = path.join(folder, 'all');
    await mkdir(rulesPath);
    const fileName = (index: number) => path.join(rulesPath, `${String(index).padStart(3, '0')}.yaml`);
    for (const [index, [, text]] of BROKEN_RULES.entries()) await writeFile(fileName(index), text);
    const child = spawn(process.execPath, ['dist/src/main.js', 'check-rules', rulesPath]);
    let printed = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (printed += text));
    expect(await once(child, 'close')).toEqual([1, null]);
    const expected = BROKEN_RULES.map(([, , fault], index) => `${fileName(index)}:${fault}`);
    expect(printed.trimEnd().split('\n')).toEqual(expected);
  });
});

describe('several faults', () => {
  it('are reported together for one descriptor, misspelled fields included', async () => {
    const text =
      'domain: a\ndescriptors:\n  - {kye: k, shadow_mode: 5, rate_limit: {reqests: 0, window: soon, burst: 2}}\n';
    const lines = (await loadFaultsOfText(text)).split('\n');
    expect(lines.map((line) => line.split(': ').slice(0, 2).join(' '))).toEqual([
      '3:6 kye',
      '3:27 shadow_mode',
      '3:43 rate_limit.reqests',
      '3:52 rate_limit.requests',
      '3:63 rate_limit.window',
      '3:76 rate_limit.burst',
    ]);
  });

  it('are all reported, even if there are 200,000', async () => {
    const lines = (await loadFaultsOfText(`domain: a\ndescriptors: [${'1,'.repeat(200_000)}]\n`)).split('\n');
    expect(lines).toHaveLength(200_000);
    expect(lines.at(-1)).toBe('2:400013: descriptors[199999]: must be a mapping with a key (got 1)');
  });
});
