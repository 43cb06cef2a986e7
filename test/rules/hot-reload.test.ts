import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { matchRule } from '../../src/domain/rules/match-rule.ts';
import type { Rule } from '../../src/domain/rules/rule.ts';
import { InvalidRules, loadRules } from '../../src/rules/load/load-rules.ts';
import { type WatchedRules, watchRules } from '../../src/rules/load/watch-rules.ts';

/** Long enough for a reload, also on a busy machine. */
const WITHIN_RELOAD = { timeout: 20_000, interval: 20 };
/** A reload would have happened within this time. */
const SETTLE_MS = 2500;

interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly fields: object;
  readonly message: string;
}

let folder: string;
let logLines: LogLine[];
let reloads: boolean[];
let rules: WatchedRules | undefined;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-rules-'));
  logLines = [];
  reloads = [];
});
afterEach(async () => {
  await rules?.stop();
  rules = undefined;
  await rm(folder, { recursive: true, force: true });
});

function watch(rulesPath: string): Promise<WatchedRules> {
  const log = {
    info: (fields: object, message: string) => logLines.push({ level: 'info', fields, message }),
    warn: (fields: object, message: string) => logLines.push({ level: 'warn', fields, message }),
    error: (fields: object, message: string) => logLines.push({ level: 'error', fields, message }),
  };
  return watchRules({ rulesPath, log, onReload: (isSuccess) => reloads.push(isSuccess) });
}

function shopRules(requests: number, domain = 'shop'): string {
  return `domain: ${domain}
descriptors:
  - {key: path, rate_limit: {requests: ${requests}, window: 1m}}
  - {key: user, limits: [{requests: 7, window: 1s}, {requests: ${requests}, window: 1h}]}
`;
}

function findRule(key: string, domain = 'shop'): Rule | undefined {
  return rules && matchRule(rules.book, domain, [{ key, value: 'any' }]);
}

/** The `requests` that `shopRules` was given; undefined if the domain is not loaded. */
function loadedRequests(domain = 'shop'): number | undefined {
  const limit = findRule('path', domain)?.limits[0];
  return limit?.algorithm === 'unlimited' ? undefined : limit?.requests;
}

describe('watched rules', () => {
  it('are replaced when their file changes, and a book that is in use stays as it is', async () => {
    const file = path.join(folder, 'shop.yaml');
    await writeFile(file, shopRules(3));
    rules = await watch(file);
    const oldBook = rules.book;
    await writeFile(file, shopRules(5));
    await expect.poll(() => loadedRequests(), WITHIN_RELOAD).toBe(5);
    expect(matchRule(oldBook, 'shop', [{ key: 'path', value: 'any' }])?.limits).toMatchObject([{ requests: 3 }]);
    await expect.poll(() => reloads).toEqual([true]);
    expect(logLines).toEqual([{ level: 'info', fields: { domains: ['shop'] }, message: 'rules reloaded' }]);
  });

  it('say which files they are from, and have the same version exactly while the files have the same texts', async () => {
    const file = path.join(folder, 'shop.yaml');
    await writeFile(file, shopRules(3));
    rules = await watch(folder);
    const first = rules.state;
    expect(first).toMatchObject({
      files: [file],
      version: expect.stringMatching(/^[0-9a-f]{16}$/),
      failure: undefined,
    });
    await writeFile(file, shopRules(5));
    await expect.poll(() => reloads, WITHIN_RELOAD).toEqual([true]);
    expect(rules.state.version).not.toBe(first.version);
    expect(rules.state.loadTime.getTime()).toBeGreaterThan(first.loadTime.getTime());
    await writeFile(file, shopRules(3));
    await expect.poll(() => reloads, WITHIN_RELOAD).toEqual([true, true]);
    expect(rules.state.version).toBe(first.version);
  });

  it('keep their version while a file has faults, and the state has these faults until the next good load', async () => {
    const file = path.join(folder, 'shop.yaml');
    await writeFile(file, shopRules(3));
    rules = await watch(file);
    const { version, loadTime } = rules.state;
    await writeFile(file, shopRules(3).replace('window: 1h', 'window: soon'));
    await expect.poll(() => reloads, WITHIN_RELOAD).toEqual([false]);
    const fault = { file, line: 4, column: 75, description: expect.stringMatching(/^limits\[1\]\.window: must be/) };
    expect(rules.state).toMatchObject({ version, loadTime, failure: { faults: [fault], omittedFaults: 0 } });
    await writeFile(file, shopRules(5));
    await expect.poll(() => reloads, WITHIN_RELOAD).toEqual([false, true]);
    expect(rules.state.failure).toBeUndefined();
  });

  it('keep the objects of unchanged limits, because caches depend on their identity', async () => {
    const file = path.join(folder, 'shop.yaml');
    const unchanged = '  - {key: same, rate_limit: {requests: 1, window: 1s}, candidate: {requests: 9, window: 1d}}\n';
    await writeFile(file, `${shopRules(3)}${unchanged}`);
    rules = await watch(file);
    const [same, user, pathRule] = [findRule('same'), findRule('user'), findRule('path')];
    await writeFile(file, `# one line further down\n${shopRules(5)}${unchanged}`);
    await expect.poll(() => loadedRequests(), WITHIN_RELOAD).toBe(5);
    expect(findRule('same')?.limits[0]).toBe(same?.limits[0]);
    expect(findRule('same')?.candidate).toBe(same?.candidate);
    expect(same?.candidate).toBeDefined();
    expect(findRule('user')?.limits[0]).toBe(user?.limits[0]);
    expect(findRule('user')?.limits[1]).not.toBe(user?.limits[1]);
    expect(findRule('path')?.limits[0]).not.toBe(pathRule?.limits[0]);
  });

  it('arrive complete from the worker: how the domain matches, and all fields of a rule', async () => {
    const file = path.join(folder, 'shop.yaml');
    // More nodes than fit into one chunk.
    const many = Array.from({ length: 1200 }, (_, index) => `  - {key: n${index}, rate_limit: {unlimited: true}}\n`);
    const last =
      '  - {key: late, value: v*, share_threshold: true, shadow_mode: true, rate_limit: {unlimited: true}}\n';
    await writeFile(file, `match: most_specific\n${shopRules(3)}${many.join('')}${last}`);
    rules = await watch(file);
    expect(rules.book.get('shop')?.isMostSpecific).toBe(true);
    const rule = matchRule(rules.book, 'shop', [{ key: 'late', value: 'v1' }]);
    expect(rule).toMatchObject({ path: 'shop.late_v*', isShadow: true, sharedValues: ['v*'] });
    expect(rules.book).toEqual(await loadRules(file));
  });

  it('follow the files of a folder that are added and removed', async () => {
    await writeFile(path.join(folder, 'shop.yaml'), shopRules(3));
    rules = await watch(folder);
    await writeFile(path.join(folder, 'other.yaml'), shopRules(4, 'other'));
    await expect.poll(() => loadedRequests('other'), WITHIN_RELOAD).toBe(4);
    await rm(path.join(folder, 'shop.yaml'));
    await expect.poll(() => loadedRequests(), WITHIN_RELOAD).toBeUndefined();
    expect(loadedRequests('other')).toBe(4);
  });

  it('follow the symbolic-link swap of Kubernetes, which touches no file that has a rules name', async () => {
    // The kubelet mounts a ConfigMap like this: files link through ..data to a folder that is never written again.
    const mountVersion = async (name: string, requests: number) => {
      await mkdir(path.join(folder, name));
      await writeFile(path.join(folder, name, 'shop.yaml'), shopRules(requests));
      await symlink(name, path.join(folder, '..data_tmp'));
      await rename(path.join(folder, '..data_tmp'), path.join(folder, '..data'));
    };
    await mountVersion('..2026_01_01', 3);
    await symlink('..data/shop.yaml', path.join(folder, 'shop.yaml'));
    rules = await watch(folder);
    expect(loadedRequests()).toBe(3);
    await mountVersion('..2026_01_02', 5);
    await rm(path.join(folder, '..2026_01_01'), { recursive: true });
    await expect.poll(() => loadedRequests(), WITHIN_RELOAD).toBe(5);
    await expect.poll(() => reloads).toEqual([true]);
  });

  it('are warned about at the start and at each reload, in one bounded line per file', async () => {
    const file = path.join(folder, 'edge.yaml');
    const deadRules = Array.from(
      { length: 30 },
      (_, index) => `  - {key: key${index}, rate_limit: {requests: 1, window: 1m}}\n`,
    );
    await writeFile(file, `domain: edge\ndescriptors:\n${deadRules.join('')}`);
    rules = await watch(folder);
    const reason = 'can never match: in the domain edge, Check sends only remote_address, device, route, refused';
    const warnings = Array.from({ length: 20 }, (_, index) => `${file}:${index + 3}:5: edge.key${index}: ${reason}`);
    const line = {
      level: 'warn',
      fields: { file, warnings, warnings_in_all: 30 },
      message: 'some rules have no effect',
    };
    expect(logLines).toEqual([line]);
    await writeFile(file, `domain: edge\ndescriptors:\n${deadRules[0]}`);
    await expect.poll(() => reloads, WITHIN_RELOAD).toEqual([true]);
    const fewer = { ...line, fields: { file, warnings: warnings.slice(0, 1), warnings_in_all: 1 } };
    expect(logLines.slice(1)).toEqual([
      fewer,
      { level: 'info', fields: { domains: ['edge'] }, message: 'rules reloaded' },
    ]);
  });

  it('stay in force while a file has faults, which are logged once with their position', async () => {
    const file = path.join(folder, 'shop.yaml');
    await writeFile(file, shopRules(3));
    rules = await watch(file);
    const oldBook = rules.book;
    await writeFile(file, shopRules(5).replace('window: 1h', 'window: soon'));
    await expect.poll(() => reloads, WITHIN_RELOAD).toEqual([false]);
    await sleep(SETTLE_MS);
    expect(rules.book).toBe(oldBook);
    expect(logLines).toEqual([
      {
        level: 'error',
        fields: { faults: [expect.stringContaining(`${file}:4:75: limits[1].window: must be`)], faults_in_all: 1 },
        message: 'rules reload failed; the previous rules stay in force',
      },
    ]);
    await writeFile(file, shopRules(6));
    await expect.poll(() => loadedRequests(), WITHIN_RELOAD).toBe(6);
    await expect.poll(() => reloads).toEqual([false, true]);
  });

  it.each([
    ['is removed', (file: string) => rm(file)],
    ['is emptied', (file: string) => writeFile(file, '')],
    ['is truncated', (file: string) => writeFile(file, shopRules(5).slice(0, 70))],
    ['becomes a folder', (file: string) => rm(file).then(() => mkdir(file))],
  ])('stay in force when their file %s', async (_, spoil) => {
    const file = path.join(folder, 'shop.yaml');
    await writeFile(file, shopRules(3));
    rules = await watch(file);
    await spoil(file);
    await expect.poll(() => reloads, WITHIN_RELOAD).toEqual([false]);
    expect(loadedRequests()).toBe(3);
    await rm(file, { recursive: true, force: true });
    await writeFile(file, shopRules(4));
    await expect.poll(() => loadedRequests(), WITHIN_RELOAD).toBe(4);
  });

  it('are loaded without blocking the event loop', async () => {
    const file = path.join(folder, 'shop.yaml');
    const many = Array.from(
      { length: 60_000 },
      (_, index) => `  - {key: n${index}, rate_limit: {requests: 1, window: 1s}}`,
    );
    await writeFile(file, shopRules(3));
    rules = await watch(file);
    await writeFile(file, `${shopRules(5)}${many.join('\n')}\n`);
    let longestPauseMs = 0;
    let last = performance.now();
    const ticker = setInterval(() => {
      const now = performance.now();
      longestPauseMs = Math.max(longestPauseMs, now - last);
      last = now;
    }, 1);
    await expect.poll(() => loadedRequests(), WITHIN_RELOAD).toBe(5);
    clearInterval(ticker);
    const startedAt = performance.now();
    await loadRules(file);
    expect(longestPauseMs).toBeLessThan((performance.now() - startedAt) / 2);
  });

  it('are not reloaded after they were stopped', async () => {
    const file = path.join(folder, 'shop.yaml');
    await writeFile(file, shopRules(3));
    rules = await watch(file);
    await rules.stop();
    await writeFile(file, shopRules(5));
    await sleep(SETTLE_MS);
    expect(loadedRequests()).toBe(3);
  });

  it('must have no faults at the start', async () => {
    const file = path.join(folder, 'shop.yaml');
    await expect(watch(file)).rejects.toThrow(InvalidRules);
    await writeFile(file, 'domain: shop\ndomain: shop\n');
    await expect(watch(file)).rejects.toThrow(`${file}:2:1: `);
  });
});
