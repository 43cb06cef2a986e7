import { describe, expect, it } from 'vitest';
import { CallerTurns } from './caller-turns.ts';

/** Calls that end when the test ends them, in the order in which they began. */
function openTurns() {
  const turns = new CallerTurns();
  const begun: { readonly account: string; readonly end: () => void }[] = [];
  const call = (account: string) =>
    turns.run(
      account,
      () => new Promise<string>((resolve) => begun.push({ account, end: () => resolve(account) })),
      () => {},
    );
  return { call, begun };
}

describe('the calls of signed-in callers', () => {
  it('run 16 at a time, and one of another account is next', async () => {
    const { call, begun } = openTurns();
    const flood = Array.from({ length: 60 }, () => call('flood'));
    const other = call('other');
    expect(begun).toHaveLength(16);
    begun[0]?.end();
    await expect.poll(() => begun.length).toBe(17);
    expect(begun[16]?.account).toBe('other');
    for (let next = 1; next < 61; next++) {
      await expect.poll(() => begun.length).toBeGreaterThan(next);
      begun[next]?.end();
    }
    expect(await Promise.all([...flood, other])).toHaveLength(61);
  });

  it('are at most 256 of one account, until one has ended', () => {
    const turns = new CallerTurns();
    const ends = Array.from({ length: 256 }, () => turns.enter('flood'));
    expect(turns.enter('flood')).toBeUndefined();
    expect(turns.enter('other')).toBeDefined();
    ends[0]?.();
    expect(turns.enter('flood')).toBeDefined();
    expect(turns.enter('flood')).toBeUndefined();
  });
});
