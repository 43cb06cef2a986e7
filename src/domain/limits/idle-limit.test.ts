import { describe, expect, it } from 'vitest';
import { isIdleNextTo } from './idle-limit.ts';
import type { Limit } from './limit.ts';
import { parseLimit } from './parse-limit.ts';

function limit(fields: object): Limit {
  const parsed = parseLimit({ name: 'n', requests: 1, window: '60s', ...fields }, 0);
  if ('faults' in parsed) throw new Error(JSON.stringify(parsed));
  return parsed;
}

describe('a limit is idle next to another', () => {
  it.each([
    ['allows more in the same window', { requests: 10 }, { requests: 5 }, true],
    ['allows as much in the same window', { requests: 5 }, { requests: 5 }, true],
    ['allows less in the same window', { requests: 4 }, { requests: 5 }, false],
    [
      'can never be reached through the shorter window',
      { requests: 400, window: '60s' },
      { requests: 5, window: '1s' },
      true,
    ],
    [
      'can just be reached through the shorter window',
      { requests: 300, window: '60s' },
      { requests: 5, window: '1s' },
      false,
    ],
    ['has the shorter window', { requests: 5, window: '1s' }, { requests: 10, window: '60s' }, false],
    [
      'is next to windows that begin at fixed times',
      { requests: 10 },
      { requests: 5, algorithm: 'fixed_window' },
      false,
    ],
    ['is charged for rejected requests', { requests: 10, chargeRejected: true }, { requests: 5 }, false],
    ['behaves differently without the store', { requests: 10, onStoreFailure: 'deny' }, { requests: 5 }, false],
    ['counts slots', { requests: 10, algorithm: 'concurrency' }, { requests: 5 }, false],
  ])('if it %s: %j, %j', (_, one, other, expected) => {
    expect(isIdleNextTo(limit(one), limit(other))).toBe(expected);
  });
});
