import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { matchRule } from '../../src/domain/rules/match-rule.ts';
import { watchRules } from '../../src/rules/load/watch-rules.ts';

/** Time between two writes: shorter than a file must stay unchanged until it is loaded. */
const WRITE_INTERVAL_MS = 200;

function shopRules(requests: number): string {
  return `domain: shop
descriptors:
  - {key: path, rate_limit: {requests: ${requests}, window: 1m}}
  - {key: user, limits: [{requests: 7, window: 1s}, {requests: ${requests}, window: 1h}]}
`;
}

describe('watched rules', () => {
  it('are not reloaded while a file is being written, even if half of it is valid', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'weir-rules-'));
    const file = path.join(folder, 'shop.yaml');
    await writeFile(file, shopRules(3));
    const reloads: boolean[] = [];
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    const rules = await watchRules({ rulesPath: file, log, onReload: (isSuccess) => reloads.push(isSuccess) });
    const loadedRequests = () => {
      const limit = matchRule(rules.book, 'shop', [{ key: 'path', value: 'any' }])?.limits[0];
      return limit?.algorithm === 'unlimited' ? undefined : limit?.requests;
    };
    const lines = shopRules(5).split('\n');
    for (let written = 0; written <= lines.length; written++) {
      await writeFile(file, lines.slice(0, written).join('\n'));
      await sleep(WRITE_INTERVAL_MS);
      if (written < lines.length) expect(loadedRequests()).toBe(3);
    }
    await expect.poll(loadedRequests).toBe(5);
    expect(reloads).toEqual([true]);
    await rules.stop();
    await rm(folder, { recursive: true });
  });
});
