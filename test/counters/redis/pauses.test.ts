import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { makeLimit } from '../model/builders.ts';
import { countOver, loadThroughPauses } from './load-through-pauses.ts';
import { closeAfterEachTest, openTestCounters, SHORT_DEADLINE_MS, signal, startServer } from './open-test-counters.ts';

closeAfterEachTest();

const limits = [
  makeLimit(5, '2s', { name: 'five' }),
  makeLimit(40, '2s'),
  makeLimit(150, '2s', { name: 'large' }),
  makeLimit(40, '2s', { algorithm: 'token_bucket' }),
  makeLimit(40, '2s', { algorithm: 'concurrency' }),
];

it('one node grants none over its limits while Redis pauses for 40 ms again and again', async () => {
  const redis = await startServer();
  const { counters } = await openTestCounters(redis, SHORT_DEADLINE_MS);
  const { answers } = await loadThroughPauses({
    nodes: [counters],
    limits,
    subject: randomUUID(),
    intervalMs: 5,
    durationMs: 8000,
    disrupt: async () => {
      signal(redis, 'SIGSTOP');
      await sleep(40);
      signal(redis, 'SIGCONT');
    },
    nextPauseMs: () => 460,
  });
  expect(answers.flat().some(({ source }) => source === 'fail-local')).toBe(true);
  expect(counters.outage.lateHits).toBeGreaterThan(0);
  expect(answers.map((each, index) => countOver(each, limits[index] ?? makeLimit(0, '1s')))).toEqual([0, 0, 0, 0, 0]);
});
