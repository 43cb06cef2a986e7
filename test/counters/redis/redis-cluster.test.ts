import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type ClusterNode,
  moveSlot,
  type RunningCluster,
  startRedisCluster,
} from '../../../provision/redis-cluster.ts';
import { computeVirtualTag } from '../../../src/counters/redis/batch/counter-key.ts';
import type { RedisStore } from '../../../src/counters/redis/redis-store.ts';
import { computeTagSlot } from '../../../src/counters/redis/topology/cluster-slots.ts';
import type { Decision } from '../../../src/decide/ports.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { makeCharge, makeLimit } from '../model/builders.ts';
import { countGranted, decideAll, isAnswering, type OpenedStore, openAnsweringStore } from './open-test-store.ts';

let cluster: RunningCluster;
beforeAll(async () => {
  cluster = await startRedisCluster();
});
afterAll(() => cluster.stop());

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

let prefix = 0;
/** Opens stores that stand for nodes of Weir. They share their counters with each other, and with no other test. */
async function openNodes(count: number): Promise<readonly OpenedStore[]> {
  const keyPrefix = `test-${prefix++}`;
  const nodes = Array.from({ length: count }, () => openAnsweringStore({ url: cluster.url, keyPrefix }, peekAtEachTag));
  const opened = await Promise.all(nodes);
  for (const { store } of opened) closing.push(() => store.close());
  return opened;
}

async function openNode(): Promise<OpenedStore> {
  const [node] = await openNodes(1);
  if (node === undefined) throw new Error('no node was opened');
  return node;
}

/** Returns `count` subjects of one tag. */
function findSubjects(tag: number, count: number): readonly string[] {
  const subjects: string[] = [];
  for (let i = 0; subjects.length < count; i++) if (computeVirtualTag(`s${i}`) === tag) subjects.push(`s${i}`);
  return subjects;
}

const tags = Array.from({ length: 64 }, (_, tag) => tag);
const peek = (subject: string): Decision => ({ charges: [makeCharge(subject, makeLimit(50, '1h'), 0)] });
const oneHit = (subject: string): Decision => ({ charges: [makeCharge(subject, makeLimit(50, '1h'))] });
const peekAtEachTag = tags.flatMap((tag) => findSubjects(tag, 1)).map(peek);

/** Returns the tags that a master has at first. */
function findTags(master: number): readonly number[] {
  return tags.filter((tag) => Math.floor((computeTagSlot(tag) * 3) / 16_384) === master);
}

function findTag(master: number): number {
  const [tag] = findTags(master);
  if (tag === undefined) throw new Error(`master ${master} has no tag`);
  return tag;
}

function masterAt(index: number): ClusterNode {
  const master = cluster.masters[index];
  if (master === undefined) throw new Error(`master: must be 0, 1 or 2 (got ${index})`);
  return master;
}

function moveTag(tag: number, from: ClusterNode, to: ClusterNode): Promise<void> {
  return moveSlot(computeTagSlot(tag), from, to);
}

/** Decides batches of single hits until it is stopped. Counts the grants of each subject, and collects the failures. */
function load(store: RedisStore, subjects: readonly string[]) {
  const grants = new Map(subjects.map((subject) => [subject, 0]));
  const failures: string[] = [];
  let isOver = false;
  const done = (async () => {
    for (let turn = 0; !isOver; turn++) {
      const batch = subjects.filter((_, i) => (i + turn) % 3 !== 0);
      const outcomes = await decideAll(store, batch.map(oneHit)).catch(
        (error: Error) => void failures.push(error.message),
      );
      for (const [i, outcome] of (outcomes ?? []).entries()) {
        const subject = batch[i] ?? '';
        grants.set(subject, (grants.get(subject) ?? 0) + Number(outcome.granted));
      }
      await sleep(2);
    }
  })();
  const stop = async () => {
    isOver = true;
    await done;
    return { grants, failures };
  };
  return { stop };
}

describe('a Redis Cluster', () => {
  it('grants exactly the limit of each subject, on every master and through every node', async () => {
    const nodes = await openNodes(3);
    const decisions = tags.flatMap((tag) => findSubjects(tag, 2)).flatMap((subject) => Array(30).fill(oneHit(subject)));
    const answers = await Promise.all(nodes.map(({ store }) => decideAll(store, decisions)));
    expect(answers.map(countGranted).reduce((sum, each) => sum + each)).toBe(2 * 64 * 50);
    expect(nodes.flatMap(({ log }) => log)).toEqual([]);
  });

  it('can move a slot to another master under load: no call fails, and no subject exceeds its limit', async () => {
    const nodes = await openNodes(2);
    const tag = findTag(0);
    const subjects = findSubjects(tag, 40);
    const loads = nodes.map(({ store }) => load(store, subjects));
    await sleep(50);
    await moveTag(tag, masterAt(0), masterAt(1));
    await sleep(200);
    await moveTag(tag, masterAt(1), masterAt(0));
    await sleep(100);
    const results = await Promise.all(loads.map(({ stop }) => stop()));
    expect(results.flatMap(({ failures }) => failures)).toEqual([]);
    const totals = subjects.map((subject) => results.reduce((sum, { grants }) => sum + (grants.get(subject) ?? 0), 0));
    expect(totals).toEqual(subjects.map(() => 50));
  });

  it('can move a slot to a master that the store does not know yet', async () => {
    const { store, log } = await openNode();
    const tag = findTag(2);
    const [subject = ''] = findSubjects(tag, 1);
    await decideAll(store, [oneHit(subject)]);
    const added = await cluster.addMaster();
    await moveTag(tag, masterAt(2), added);
    const [outcome] = await decideAll(store, [oneHit(subject)]);
    expect(outcome?.charges[0]?.remaining).toBe(48);
    await moveTag(tag, added, masterAt(2));
    expect((await decideAll(store, [oneHit(subject)]))[0]?.charges[0]?.remaining).toBe(47);
    expect(log).toEqual([]);
  });

  it('makes the store warn about every master that evicts live counters', async () => {
    for (const { client } of cluster.masters) await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const { log } = await openNode();
    await waitUntil(() => log.length >= 3);
    const named = cluster.masters.map(({ port }) => `127.0.0.1:${port}`);
    expect(log.map((line) => /may evict.*"server":"([^"]*)"/.exec(line)?.[1]).sort()).toEqual(named.sort());
    for (const { client } of cluster.masters) await client.config('SET', 'maxmemory-policy', 'noeviction');
  });

  // These come last: each leaves the cluster with one node less.
  it.each([
    ['is killed', 1, 'SIGKILL'],
    ['stops answering', 2, 'SIGSTOP'],
  ] as const)('loses only the subjects of a master that %s, until its replica took over', async (_, index, signal) => {
    const { store } = await openNode();
    const lost = findSubjects(findTag(index), 5).map(peek);
    const others = tags
      .filter((tag) => !findTags(index).includes(tag))
      .map((tag) => peek(findSubjects(tag, 1)[0] ?? ''));
    await sleep(500); // the cluster is checked less often once all nodes are known
    const { pid } = masterAt(index);
    if (pid === undefined) throw new Error('the node has no process');
    process.kill(pid, signal);
    await waitUntil(async () => !(await isAnswering(store, lost)));
    expect(await isAnswering(store, others)).toBe(true);
    await waitUntil(async () => String(await cluster.replicas[index]?.client.call('ROLE')).startsWith('master'));
    await waitUntil(() => isAnswering(store, lost));
    expect(await isAnswering(store, others)).toBe(true);
  });
});
