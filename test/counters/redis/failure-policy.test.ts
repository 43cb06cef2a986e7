import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { waitUntil } from '../../support/wait-until.ts';
import { makeCharge, makeLimit } from '../model/builders.ts';
import {
  closeAfterEachTest,
  decide,
  makeDecision,
  openCountersWithSilentMaster,
  openTestCounters,
  SHORT_DEADLINE_MS,
  signal,
  silenceForASecond,
  startLoad,
  startServer,
} from './open-test-counters.ts';

closeAfterEachTest();

describe('the counters of a node', () => {
  it('follow the policy of each limit while there is no server, and use Redis after its return', async () => {
    const first = await startServer();
    const { counters } = await openTestCounters(first);
    expect(await decide(counters, makeDecision())).toBe('granted by redis');
    await first.stop();
    await waitUntil(() => !counters.ready);
    expect(await decide(counters, makeDecision())).toBe('granted by fail-local');
    expect(await decide(counters, makeDecision('allow'))).toBe('granted by fail-open');
    expect(await decide(counters, makeDecision('deny'))).toBe('StoreUnavailable');
    await startServer(first.port);
    await waitUntil(async () => (await decide(counters, makeDecision('deny'))) === 'granted by redis');
  });

  it('follow the policy while a server is silent, and return to it after its return', async () => {
    const redis = await startServer();
    const { counters, log, breaker, nodes } = await openTestCounters(redis, SHORT_DEADLINE_MS);
    await waitUntil(() => nodes.length > 0); // until then it takes no share
    const { answers, stop } = startLoad(counters);
    const silent = await silenceForASecond(redis, breaker, answers);
    await waitUntil(() => answers.at(-1)?.report === 'granted by redis');
    await stop();
    expect(new Set(silent.map(({ report }) => report))).toEqual(new Set(['granted by fail-local']));
    expect(breaker).toEqual([true, false]);
    expect(log.filter((line) => line.includes('is silent'))).toHaveLength(1);
  });

  it('return to Redis even if it was silent until connections were given up', async () => {
    const redis = await startServer();
    const { counters, nodes } = await openTestCounters(redis, SHORT_DEADLINE_MS);
    await waitUntil(() => nodes.length > 0);
    const { answers, stop } = startLoad(counters);
    await waitUntil(() => answers.length > 10);
    signal(redis, 'SIGSTOP');
    await waitUntil(() => !counters.ready);
    await sleep(3000);
    signal(redis, 'SIGCONT');
    await waitUntil(() => answers.at(-1)?.report === 'granted by redis');
    await stop();
    expect(new Set(answers.map(({ report }) => report))).toEqual(
      new Set(['granted by redis', 'granted by fail-local']),
    );
  });

  it('keep the circuit breaker closed when this process is too busy to read replies', async () => {
    const { counters, breaker } = await openTestCounters(await startServer(), SHORT_DEADLINE_MS);
    const reports: string[] = [];
    for (let turn = 0; turn < 5; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      const pending = decide(counters, makeDecision());
      const busyUntil = performance.now() + 150;
      while (performance.now() < busyUntil);
      reports.push(await pending);
    }
    expect(reports).toContain('granted by redis'); // on a busy machine not always: Redis has to wait, too
    expect(breaker).toEqual([]);
  });

  it('repeat a rejection of Redis for 250 ms without asking again', async () => {
    const { counters } = await openTestCounters(await startServer());
    const one = { charges: [makeCharge(randomUUID(), makeLimit(1, '1h'))] };
    const reports: string[] = [];
    for (let call = 0; call < 4; call++) reports.push(await decide(counters, one));
    expect(reports).toEqual(['granted by redis', 'rejected by redis', 'rejected by local', 'rejected by local']);
    await sleep(260);
    expect(await decide(counters, one)).toBe('rejected by redis');
  });
});

describe('the counters of a node with a Redis Cluster', () => {
  it('follow the policy for the subjects of a silent master, and decide others in Redis', async () => {
    const { subjects, sources, expected, silent, stopped, areAllInRedis } = await openCountersWithSilentMaster();
    await waitUntil(async () => (await sources(subjects)).join() === expected.join());
    expect([...silent]).toEqual([`127.0.0.1:${stopped.port}`]);
    await waitUntil(areAllInRedis); // once its replica has taken over
  }, 60_000);
});

describe('nodes that share counters', () => {
  it('grant their share of a limit each while Redis is away', async () => {
    const redis = await startServer();
    for (let others = 0; others < 3; others++) await openTestCounters(redis);
    const { counters, nodes } = await openTestCounters(redis);
    await waitUntil(() => nodes.at(-1) === 4);
    await redis.stop();
    await waitUntil(() => !counters.ready);
    const eight = { charges: [makeCharge('shared', makeLimit(8, '1h'))] };
    const reports: string[] = [];
    for (let call = 0; call < 4; call++) reports.push(await decide(counters, eight));
    expect(reports).toEqual([
      'granted by fail-local',
      'granted by fail-local',
      'rejected by fail-local',
      'rejected by fail-local',
    ]);
  });
});
