import { expect, it } from 'vitest';
import type { DecisionStatus } from '../decision-port.ts';
import { mergeStatuses } from './merged-status.ts';

function makeStatus(reasons: readonly string[], ageSeconds: number, fault: string): DecisionStatus {
  return {
    reasons,
    parts: [{ name: 'postgres', health: fault === '' ? 'healthy' : 'degraded', message: fault }],
    catalog: { ageSeconds, source: 'postgres', feedConnected: fault === '', reloading: false },
    counters: { store: 'redis', reachable: fault === '' },
    rules: { version: `v${ageSeconds}`, loadTime: `2030-01-0${10 - ageSeconds}T00:00:00.000Z` },
  };
}

it('a node decides while one of its workers does, and its parts are as in the worker where they are worst', () => {
  const statuses = [makeStatus(['stopping'], 9, 'away'), makeStatus([], 1, '')];
  expect(mergeStatuses(statuses, 3)).toEqual({
    reasons: [],
    parts: [
      { name: 'postgres', health: 'degraded', message: 'away' },
      { name: 'workers', health: 'degraded', message: '1 of 3 workers decide' },
    ],
    catalog: { ageSeconds: 9, source: 'postgres', feedConnected: false, reloading: false },
    counters: { store: 'redis', reachable: false },
    rules: { version: 'v9', loadTime: '2030-01-01T00:00:00.000Z' }, // the worker that has not reloaded yet
  });
});

it('a node none of whose workers decides says why', () => {
  const { reasons } = mergeStatuses([makeStatus(['stopping'], 1, ''), makeStatus(['stopping'], 1, '')], 2);
  expect(reasons).toEqual(['stopping']);
});
