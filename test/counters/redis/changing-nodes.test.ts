import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Counters } from '../../../src/counters/open-counters.ts';
import { StoreUnavailable } from '../../../src/decide/ports.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { makeCharge, makeLeasedLimit, makeLimit } from '../model/builders.ts';
import { countOver, loadThroughPauses } from './load-through-pauses.ts';
import { closeAfterEachTest, openTestCounters, SHORT_DEADLINE_MS, signal, startServer } from './open-test-counters.ts';

closeAfterEachTest();

type TestNode = Awaited<ReturnType<typeof openTestCounters>>;

/** A node lowers its count after three announcements, but not in the first 12 s of a server. */
const CENSUS_TIMEOUT_MS = 20_000;

it('no limit is exceeded and no call fails while nodes join and leave under load, plain and with leases', async () => {
  const redis = await startServer();
  const open = async (count: number) => {
    const nodes = await Promise.all(Array.from({ length: count }, () => openTestCounters(redis)));
    return nodes.map(({ counters }) => counters);
  };
  const nodes: Counters[] = await open(3);
  /** A load balancer sends a node nothing more before it stops. */
  const leave = async (count: number) => {
    const leaving = nodes.splice(0, count);
    await sleep(50);
    await Promise.all(leaving.map((counters) => counters.close()));
  };
  const changes = [
    async () => void nodes.push(...(await open(3))),
    async () => leave(4),
    // A rolling restart: each node is replaced by a new one.
    async () => {
      for (let restarted = 0; restarted < 2; restarted++) {
        nodes.push(...(await open(1)));
        await leave(1);
      }
    },
  ];
  const limits = [
    makeLimit(40, '2s'),
    makeLimit(200, '2s', { name: 'large' }),
    { ...makeLeasedLimit(300, 2), name: 'leased' },
    // Has room for more than the load, so that slices are left to take.
    { ...makeLeasedLimit(5000, 2), name: 'roomy', identity: 'roomy/s2' },
    makeLimit(40, '2s', { algorithm: 'token_bucket' }),
  ];
  const { answers } = await loadThroughPauses({
    nodes,
    limits,
    subject: randomUUID(),
    intervalMs: 3,
    durationMs: 9000,
    disrupt: async () => changes.shift()?.(),
    nextPauseMs: () => 1500,
  });
  expect(changes).toEqual([]);
  expect(nodes).toHaveLength(2);
  expect(new Set(answers.flat().map(({ source }) => source))).toEqual(new Set(['redis', 'local', 'lease']));
  expect(answers.map((each, index) => countOver(each, limits[index] ?? makeLimit(0, '1s')))).toEqual([0, 0, 0, 0, 0]);
});

it('the shares of the nodes never exceed the limit together while nodes join and leave', async () => {
  const redis = await startServer();
  const limit = makeLimit(60, '1h');
  /** Pauses Redis, and returns what the nodes grant together of a limit that none of them has asked about. */
  const sumShares = async (nodes: readonly TestNode[]) => {
    signal(redis, 'SIGSTOP');
    const decision = { charges: [makeCharge(randomUUID(), limit)] };
    const asked = Array.from({ length: 61 }, () => decision);
    const grants = await Promise.all(
      nodes.map(async ({ counters }) => {
        const results = await counters.store.decide(asked, undefined);
        return results.filter((result) => !(result instanceof StoreUnavailable) && result.granted).length;
      }),
    );
    signal(redis, 'SIGCONT');
    await waitUntil(() => nodes.every(({ counters }) => counters.ready));
    return grants.reduce((sum, grant) => sum + grant, 0);
  };
  const open = (count: number) =>
    Promise.all(Array.from({ length: count }, () => openTestCounters(redis, SHORT_DEADLINE_MS)));
  const waitForCount = (nodes: readonly TestNode[], count: number) =>
    waitUntil(() => nodes.every((node) => node.nodes.at(-1) === count), CENSUS_TIMEOUT_MS);

  const first = await open(3);
  expect(await sumShares(first)).toBeLessThanOrEqual(60);
  await waitForCount(first, 3);
  expect(await sumShares(first)).toBe(60);

  const all = [...first, ...(await open(3))];
  await sleep(300); // the new nodes have announced themselves, and the first three have not
  expect(await sumShares(all)).toBeLessThanOrEqual(60);
  await waitForCount(all, 6);
  expect(await sumShares(all)).toBe(60);

  await Promise.all(all.slice(0, 4).map(({ counters }) => counters.close()));
  const rest = all.slice(4);
  expect(await sumShares(rest)).toBeLessThanOrEqual(60);
  await waitForCount(rest, 2);
  expect(await sumShares(rest)).toBe(60);
}, 120_000);
