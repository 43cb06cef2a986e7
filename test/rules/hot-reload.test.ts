import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { matchRule, type Rule } from '../../src/domain/rules/rule-book.ts';
import { InvalidRules, loadRules } from '../../src/rules/load/load-rules.ts';
import { type WatchedRules, watchRules } from '../../src/rules/load/watch-rules.ts';

/** ms in which a change that holds still is taken up for certain, also on a busy machine. */
const SOON = { timeout: 10_000, interval: 20 };
/** ms in which it would have been taken up, if it could. */
const LONG_ENOUGH = 2500;

interface Told {
  readonly level: 'info' | 'error';
  readonly fields: object;
}

let folder: string;
let told: Told[];
let reloads: boolean[];
let rules: WatchedRules | undefined;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-rules-'));
  told = [];
  reloads = [];
});
afterEach(async () => {
  await rules?.stop();
  rules = undefined;
  await rm(folder, { recursive: true, force: true });
});

function follow(place: string): Promise<WatchedRules> {
  const log = {
    info: (fields: object) => told.push({ level: 'info', fields }),
    error: (fields: object) => told.push({ level: 'error', fields }),
  };
  return watchRules({ place, log, onReload: (isTakenUp) => reloads.push(isTakenUp) });
}

function shop(requests: number, domain = 'shop'): string {
  return `domain: ${domain}
descriptors:
  - {key: path, rate_limit: {requests: ${requests}, window: 1m}}
  - {key: user, limits: [{requests: 7, window: 1s}, {requests: ${requests}, window: 1h}]}
`;
}

function ruleOf(key: string, domain = 'shop'): Rule | undefined {
  return rules && matchRule(rules.book, domain, [{ key, value: 'any' }]);
}

function requestsOf(domain = 'shop'): number | undefined {
  const limit = ruleOf('path', domain)?.limits[0];
  return limit?.algorithm === 'unlimited' ? undefined : limit?.requests;
}

describe('rules that are followed', () => {
  it('are others when their file was written anew, and a book that is in use stays as it is', async () => {
    const file = path.join(folder, 'shop.yaml');
    await writeFile(file, shop(3));
    rules = await follow(file);
    const before = rules.book;
    await writeFile(file, shop(5));
    await expect.poll(() => requestsOf(), SOON).toBe(5);
    expect(matchRule(before, 'shop', [{ key: 'path', value: 'any' }])?.limits).toMatchObject([{ requests: 3 }]);
    expect(reloads).toEqual([true]);
    expect(told).toMatchObject([{ level: 'info', fields: { domains: ['shop'] } }]);
  });

  it('keep the limits that are the same, as what is known of them is kept by the object', async () => {
    const file = path.join(folder, 'shop.yaml');
    await writeFile(
      file,
      `${shop(3)}  - {key: same, rate_limit: {requests: 1, window: 1s}, candidate: {requests: 9, window: 1d}}\n`,
    );
    rules = await follow(file);
    const [same, user, pathRule] = [ruleOf('same'), ruleOf('user'), ruleOf('path')];
    await writeFile(
      file,
      `# moved\n${shop(5)}  - {key: same, rate_limit: {requests: 1, window: 1s}, candidate: {requests: 9, window: 1d}}\n`,
    );
    await expect.poll(() => requestsOf(), SOON).toBe(5);
    expect(ruleOf('same')?.limits[0]).toBe(same?.limits[0]);
    expect(ruleOf('same')?.candidate).toBe(same?.candidate);
    expect(same?.candidate).toBeDefined();
    expect(ruleOf('user')?.limits[0]).toBe(user?.limits[0]);
    expect(ruleOf('user')?.limits[1]).not.toBe(user?.limits[1]);
    expect(ruleOf('path')?.limits[0]).not.toBe(pathRule?.limits[0]);
  });

  it('keep how their domain matches, and what a rule has besides its limits', async () => {
    const file = path.join(folder, 'shop.yaml');
    const list = Array.from({ length: 1200 }, (_, place) => `  - {key: n${place}, rate_limit: {unlimited: true}}\n`);
    const late =
      '  - {key: late, value: v*, share_threshold: true, shadow_mode: true, rate_limit: {unlimited: true}}\n';
    await writeFile(file, `match: most_specific\n${shop(3)}${list.join('')}${late}`);
    rules = await follow(file);
    expect(rules.book.get('shop')?.isMostSpecific).toBe(true);
    const rule = matchRule(rules.book, 'shop', [{ key: 'late', value: 'v1' }]);
    expect(rule).toMatchObject({ path: 'shop.late_v*', isShadow: true, sharedValues: ['v*'] });
    expect(rules.book).toEqual(await loadRules(file));
  });

  it('follow the files of a folder: those that come and those that go', async () => {
    await writeFile(path.join(folder, 'shop.yaml'), shop(3));
    rules = await follow(folder);
    await writeFile(path.join(folder, 'other.yaml'), shop(4, 'other'));
    await expect.poll(() => requestsOf('other'), SOON).toBe(4);
    await rm(path.join(folder, 'shop.yaml'));
    await expect.poll(() => requestsOf(), SOON).toBeUndefined();
    expect(requestsOf('other')).toBe(4);
  });

  it('follow Kubernetes’ swap of a symbolic link, though no file that is named was touched', async () => {
    // As its kubelet lays out a volume of a ConfigMap: names lead through ..data to a folder that is never written again.
    const version = async (name: string, requests: number) => {
      await mkdir(path.join(folder, name));
      await writeFile(path.join(folder, name, 'shop.yaml'), shop(requests));
      await symlink(name, path.join(folder, '..data_tmp'));
      await rename(path.join(folder, '..data_tmp'), path.join(folder, '..data'));
    };
    await version('..2026_01_01', 3);
    await symlink('..data/shop.yaml', path.join(folder, 'shop.yaml'));
    rules = await follow(folder);
    expect(requestsOf()).toBe(3);
    await version('..2026_01_02', 5);
    await rm(path.join(folder, '..2026_01_01'), { recursive: true });
    await expect.poll(() => requestsOf(), SOON).toBe(5);
    expect(reloads).toEqual([true]);
  });

  it('stay as they were while a file has faults, and its place is told once', async () => {
    const file = path.join(folder, 'shop.yaml');
    await writeFile(file, shop(3));
    rules = await follow(file);
    const before = rules.book;
    await writeFile(file, shop(5).replace('window: 1h', 'window: soon'));
    await expect.poll(() => reloads, SOON).toEqual([false]);
    await sleep(LONG_ENOUGH);
    expect(rules.book).toBe(before);
    expect(told).toMatchObject([{ level: 'error', fields: { faults_in_all: 1 } }]);
    expect(JSON.stringify(told)).toContain(`${file}:4:75: limits[1].window: must be`);
    await writeFile(file, shop(6));
    await expect.poll(() => requestsOf(), SOON).toBe(6);
    expect(reloads).toEqual([false, true]);
  });

  it('are not those of a file that is being written, though half of it is without fault', async () => {
    const file = path.join(folder, 'shop.yaml');
    await writeFile(file, shop(3));
    rules = await follow(file);
    const lines = shop(5).split('\n');
    for (let written = 0; written <= lines.length; written++) {
      await writeFile(file, lines.slice(0, written).join('\n'));
      await sleep(200);
      if (written < lines.length) expect(requestsOf()).toBe(3);
    }
    await expect.poll(() => requestsOf(), SOON).toBe(5);
    expect(reloads).toEqual([true]);
  });

  it.each([
    ['removed', (file: string) => rm(file)],
    ['emptied', (file: string) => writeFile(file, '')],
    ['cut off', (file: string) => writeFile(file, shop(5).slice(0, 70))],
    ['a folder', (file: string) => rm(file).then(() => mkdir(file))],
  ])('stay as they were when the file is %s', async (_, spoil) => {
    const file = path.join(folder, 'shop.yaml');
    await writeFile(file, shop(3));
    rules = await follow(file);
    await spoil(file);
    await expect.poll(() => reloads, SOON).toEqual([false]);
    expect(requestsOf()).toBe(3);
    await rm(file, { recursive: true, force: true });
    await writeFile(file, shop(4));
    await expect.poll(() => requestsOf(), SOON).toBe(4);
  });

  it('are read while decisions go on', async () => {
    const file = path.join(folder, 'shop.yaml');
    const many = Array.from(
      { length: 60_000 },
      (_, place) => `  - {key: n${place}, rate_limit: {requests: 1, window: 1s}}`,
    );
    await writeFile(file, shop(3));
    rules = await follow(file);
    await writeFile(file, `${shop(5)}${many.join('\n')}\n`);
    let [longest, last] = [0, performance.now()];
    const ticking = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }, 1);
    await expect.poll(() => requestsOf(), SOON).toBe(5);
    clearInterval(ticking);
    const started = performance.now();
    await loadRules(file);
    expect(longest).toBeLessThan((performance.now() - started) / 2);
  });

  it('are read no more when they were stopped', async () => {
    const file = path.join(folder, 'shop.yaml');
    await writeFile(file, shop(3));
    rules = await follow(file);
    await rules.stop();
    await writeFile(file, shop(5));
    await sleep(LONG_ENOUGH);
    expect(requestsOf()).toBe(3);
  });

  it('must be without fault at the start', async () => {
    const file = path.join(folder, 'shop.yaml');
    await expect(follow(file)).rejects.toThrow(InvalidRules);
    await writeFile(file, 'domain: shop\ndomain: shop\n');
    await expect(follow(file)).rejects.toThrow(`${file}:2:1: `);
  });
});
