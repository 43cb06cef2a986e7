import { describe, expect, it } from 'vitest';
import { epochOf, hasExecuted, type ServerHistory } from './server-history.ts';

const EPOCH = 2 ** 40;

function history(sequence: number, ...epochEnds: readonly number[]): ServerHistory {
  return { timeMicros: 0, sequence, startedAt: 0, kind: 'shorter', repairedNodes: 0, epochEnds };
}

describe('the history of a server', () => {
  it('has the sequences of its epoch up to the current one', () => {
    const server = history(7 * EPOCH + 100);
    expect([1, 100, 101].map((number) => hasExecuted(server, 7 * EPOCH + number))).toEqual([true, true, false]);
  });

  it('lacks what its predecessor executed after the end that it knows', () => {
    const server = history(9 * EPOCH + 5, 7 * EPOCH + 90);
    expect([90, 91].map((number) => hasExecuted(server, 7 * EPOCH + number))).toEqual([true, false]);
    expect(hasExecuted(server, 9 * EPOCH + 5)).toBe(true);
  });

  it('has nothing of an epoch that it does not know, whether that has a higher or a lower number', () => {
    expect([3, 8000].map((epoch) => hasExecuted(history(7 * EPOCH + 5), epoch * EPOCH + 1))).toEqual([false, false]);
  });

  it('has an epoch from 1 to 8191 that is exact in a number', () => {
    expect(epochOf(0)).toBe(0);
    expect(epochOf(8191 * EPOCH + EPOCH - 1)).toBe(8191);
    expect(Number.isSafeInteger(8191 * EPOCH + EPOCH - 1)).toBe(true);
  });
});
