import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { shareReads } from './shared-read.ts';

describe('a shared read', () => {
  it('gives no caller a result that is older than its call, and reads few times for many callers', async () => {
    let version = 0;
    let reads = 0;
    const read = shareReads(async () => {
      reads += 1;
      const read = version;
      await sleep(2);
      return read;
    }, 5);
    const calls: Promise<void>[] = [];
    for (let turn = 0; turn < 50; turn++) {
      version += 1;
      const expected = version;
      for (let caller = 0; caller < 20; caller++) {
        calls.push(read().then((result) => expect(result).toBeGreaterThanOrEqual(expected)));
      }
      await sleep(1);
    }
    await Promise.all(calls);
    expect(reads).toBeLessThan(50);
  });

  it('fails all callers of a read that failed, and reads again for the next', async () => {
    let attempts = 0;
    const read = shareReads(async () => {
      attempts += 1;
      if (attempts === 1) throw new Error('away');
      return 'there';
    }, 1);
    const failures = await Promise.allSettled([read(), read()]);
    expect(failures.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await read()).toBe('there');
    expect(attempts).toBe(2);
  });
});
