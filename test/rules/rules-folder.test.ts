import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { matchRule } from '../../src/domain/rules/match-rule.ts';
import type { RuleBook } from '../../src/domain/rules/rule-book.ts';
import { InvalidRules, loadRules } from '../../src/rules/load/load-rules.ts';
import {
  DEFAULT_FOLDER_OPTIONS,
  formatPassedOver,
  listPassedOver,
  type RulesFolderOptions,
} from '../../src/rules/load/rules-folder.ts';
import { watchRules } from '../../src/rules/load/watch-rules.ts';

/** Long enough for a reload, also on a busy machine. */
const WITHIN_RELOAD = { timeout: 20_000, interval: 20 };
const MERGED: RulesFolderOptions = { ...DEFAULT_FOLDER_OPTIONS, mergeDomains: true };
const WITH_DOT_FILES: RulesFolderOptions = { ...DEFAULT_FOLDER_OPTIONS, ignoreDotFiles: false };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-rules-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, text: string): Promise<void> {
  await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
  await writeFile(path.join(folder, name), text);
}

/** A file of the domain with one descriptor for each pair of key and value, whose limit has `requests`. */
function rulesOf(domain: string, requests: number, ...descriptors: readonly string[]): string {
  const lines = descriptors.map((fields) => `  - {${fields}, rate_limit: {requests: ${requests}, window: 1m}}\n`);
  return `domain: ${domain}\ndescriptors:\n${lines.join('')}`;
}

function requestsOf(book: RuleBook, domain: string, key: string, value: string): number | undefined {
  const limit = matchRule(book, domain, [{ key, value }])?.limits[0];
  return limit !== undefined && 'requests' in limit ? limit.requests : undefined;
}

async function loadFaults(options: RulesFolderOptions): Promise<readonly string[]> {
  const error = await loadRules(folder, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof InvalidRules)) throw new Error('the folder must have faults', { cause: error });
  return error.message.replaceAll(`${folder}/`, '').split('\n');
}

describe('a folder of rules', () => {
  it('is its *.yaml and *.yml files; everything else is passed over, with the reason', async () => {
    await write('a.yml', rulesOf('a', 1, 'key: k'));
    await write('b.yaml', rulesOf('b', 1, 'key: k'));
    for (const name of ['noext', 'x.property', 'old.yaml.bak', 'LOUD.YAML', '.hidden.yaml', '.git/config']) {
      await write(name, 'not: rules\n');
    }
    await write('sub/c.yaml', rulesOf('c', 1, 'key: k'));
    await write('sub/readme', '');
    await write('other/readme', '');
    expect([...(await loadRules(folder)).keys()]).toEqual(['a', 'b']);
    expect(await listPassedOver(folder, DEFAULT_FOLDER_OPTIONS)).toEqual([
      '.git (begins with a dot)',
      '.hidden.yaml (begins with a dot)',
      'LOUD.YAML (not *.yaml or *.yml)',
      'noext (not *.yaml or *.yml)',
      'old.yaml.bak (not *.yaml or *.yml)',
      'other/ (a subfolder)',
      'sub/c.yaml (in a subfolder)',
      'x.property (not *.yaml or *.yml)',
    ]);
  });

  it('passes over the lock file of an editor, a link that leads nowhere, unless dot files count', async () => {
    await write('a.yaml', rulesOf('a', 1, 'key: k'));
    await symlink('somebody@host.123:456', path.join(folder, '.#a.yaml'));
    expect([...(await loadRules(folder)).keys()]).toEqual(['a']);
    expect(await listPassedOver(folder, DEFAULT_FOLDER_OPTIONS)).toEqual(['.#a.yaml (begins with a dot)']);
    expect(await loadFaults(WITH_DOT_FILES)).toEqual([
      '.#a.yaml:1:1: must be a file or folder that exists and can be read',
    ]);
  });

  it('includes dot files if they count', async () => {
    await write('.a.yaml', rulesOf('a', 1, 'key: k'));
    await write('.gitignore', '');
    expect([...(await loadRules(folder, WITH_DOT_FILES)).keys()]).toEqual(['a']);
    expect(await listPassedOver(folder, WITH_DOT_FILES)).toEqual(['.gitignore (not *.yaml or *.yml)']);
    expect(await loadFaults(DEFAULT_FOLDER_OPTIONS)).toEqual([
      `${folder}:1:1: must contain a *.yaml or *.yml file; passed over: ` +
        '.a.yaml (begins with a dot), .gitignore (begins with a dot)',
    ]);
  });

  it('does not list what Kubernetes adds to a mounted ConfigMap', async () => {
    await write('..2026_01_01/a.yaml', rulesOf('a', 1, 'key: k'));
    await symlink('..2026_01_01', path.join(folder, '..data'));
    await symlink('..data/a.yaml', path.join(folder, 'a.yaml'));
    for (const options of [DEFAULT_FOLDER_OPTIONS, WITH_DOT_FILES]) {
      expect([...(await loadRules(folder, options)).keys()]).toEqual(['a']);
      expect(await listPassedOver(folder, options)).toEqual([]);
    }
  });

  it('lists what was passed over in one line of bounded length', () => {
    expect(formatPassedOver(['a\nb', 'c'])).toBe('passed over: a?b, c');
    const many = Array.from({ length: 1000 }, (_, index) => `f${index}`);
    expect(formatPassedOver(many)).toMatch(/^passed over: f0, .*, f19 and 980 more$/);
  });

  it('that is a file has nothing to pass over, whatever its name', async () => {
    await write('.rules', rulesOf('a', 1, 'key: k'));
    await write('other', '');
    const file = path.join(folder, '.rules');
    expect([...(await loadRules(file)).keys()]).toEqual(['a']);
    expect(await listPassedOver(file, DEFAULT_FOLDER_OPTIONS)).toEqual([]);
  });
});

describe('several files of one domain', () => {
  it('are a fault that names both, unless they are merged', async () => {
    await write('a.yaml', rulesOf('shop', 1, 'key: k'));
    await write('b.yaml', rulesOf('shop', 2, 'key: l'));
    expect(await loadFaults(DEFAULT_FOLDER_OPTIONS)).toEqual([
      'b.yaml:1:1: domain: must not be in two files ("shop" is also in a.yaml); MERGE_DOMAIN_CONFIG=true merges them',
    ]);
  });

  it('are together the rules of the domain if they are merged', async () => {
    await write('a.yaml', rulesOf('shop', 1, 'key: k', 'key: k, value: a*'));
    await write('b.yaml', `defaults: {algorithm: fixed_window}\n${rulesOf('shop', 2, 'key: k, value: ab*', 'key: l')}`);
    await write('c.yaml', rulesOf('other', 3, 'key: k'));
    await write('d.yaml', rulesOf('shop', 4, 'key: k, value: b', 'key: m, descriptors: [{key: n}]'));
    const book = await loadRules(folder, MERGED);
    expect([...book.keys()]).toEqual(['shop', 'other']);
    const requests = (key: string, value: string) => requestsOf(book, 'shop', key, value);
    expect(['x', 'b', 'abc', 'ac'].map((value) => requests('k', value))).toEqual([1, 4, 1, 1]);
    expect([requests('l', 'x'), requests('m', 'x'), requestsOf(book, 'other', 'k', 'x')]).toEqual([2, 4, 3]);
    // Defaults apply to their own file.
    const algorithm = (key: string) => matchRule(book, 'shop', [{ key, value: 'x' }])?.limits[0]?.algorithm;
    expect([algorithm('k'), algorithm('l')]).toEqual(['sliding_window', 'fixed_window']);
  });

  it('must not have the same key and value, which is a fault that names both files', async () => {
    await write('a.yaml', rulesOf('shop', 1, 'key: k', 'key: k, value: v', 'key: k, value: w*'));
    await write('b.yaml', rulesOf('shop', 2, 'key: l', 'key: k', 'key: k, value: v', 'key: k, value: w*'));
    await write('c.yaml', rulesOf('shop', 3, 'key: l'));
    expect(await loadFaults(MERGED)).toEqual(
      [
        '4:5: descriptors[1]: must differ in key or value from the descriptors of other files ("shop.k" is also in a.yaml)',
        '5:5: descriptors[2]: must differ in key or value from the descriptors of other files ("shop.k_v" is also in a.yaml)',
        '6:5: descriptors[3]: must differ in key or value from the descriptors of other files ("shop.k_w*" is also in a.yaml)',
      ].map((fault) => `b.yaml:${fault}`),
    );
  });

  it('may have the same key and value at lower levels of different descriptors', async () => {
    await write(
      'a.yaml',
      'domain: shop\ndescriptors: [{key: a, descriptors: [{key: k, rate_limit: {unlimited: true}}]}]\n',
    );
    await write(
      'b.yaml',
      'domain: shop\ndescriptors: [{key: b, descriptors: [{key: k, rate_limit: {unlimited: true}}]}]\n',
    );
    const book = await loadRules(folder, MERGED);
    const rulePath = (key: string) =>
      matchRule(book, 'shop', [
        { key, value: 'x' },
        { key: 'k', value: 'y' },
      ])?.path;
    expect([rulePath('a'), rulePath('b')]).toEqual(['shop.a.k', 'shop.b.k']);
  });

  it('must match alike, and stay within the bound on lookups together', async () => {
    await write('a.yaml', `match: most_specific\n${rulesOf('shop', 1, 'key: k')}`);
    await write('b.yaml', rulesOf('shop', 2, 'key: l'));
    expect(await loadFaults(MERGED)).toEqual([
      'b.yaml:1:1: match: must be the same in all files of a domain ("shop" is also in a.yaml)',
    ]);
    const wildcards = (from: number) => Array.from({ length: 600 }, (_, index) => `key: k, value: "*${from + index}*"`);
    await write('a.yaml', `match: most_specific\n${rulesOf('shop', 1, ...wildcards(1000))}`);
    await write('b.yaml', `match: most_specific\n${rulesOf('shop', 1, ...wildcards(2000))}`);
    expect(await loadFaults(MERGED)).toEqual([
      'b.yaml:1:1: match: must be left out unless each lookup visits at most 1000 descriptors (one could visit 1201); ' +
        'use fewer wildcards that match the same values',
    ]);
  });
});

describe('a watched folder', () => {
  it('logs what was passed over at the start and at each reload, and reloads next to a lock file', async () => {
    const lines: (readonly [fields: object, message: string])[] = [];
    const log = {
      info: (fields: object, message: string) => lines.push([fields, message]),
      warn: (fields: object, message: string) => lines.push([fields, message]),
      error: (fields: object, message: string) => lines.push([fields, message]),
    };
    await write('a.yaml', rulesOf('shop', 1, 'key: k'));
    await write('b.yaml', rulesOf('shop', 1, 'key: l'));
    await write('notes.txt', '');
    const rules = await watchRules({ rulesPath: folder, folder: MERGED, log, onReload: () => {} });
    try {
      const notes = 'notes.txt (not *.yaml or *.yml)';
      expect(lines).toEqual([
        [{ passed_over: [notes], passed_over_in_all: 1 }, 'files in the rules folder were passed over'],
      ]);
      await symlink('nowhere', path.join(folder, '.#a.yaml'));
      await write('b.yaml', rulesOf('shop', 5, 'key: l'));
      await expect.poll(() => requestsOf(rules.book, 'shop', 'l', 'x'), WITHIN_RELOAD).toBe(5);
      const passedOver = ['.#a.yaml (begins with a dot)', notes];
      expect(lines.slice(1)).toEqual([
        [{ domains: ['shop'], passed_over: passedOver, passed_over_in_all: 2 }, 'rules reloaded'],
      ]);
    } finally {
      await rules.stop();
    }
  });
});
