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
import { makeCharge, makeLimit } from '../model/traces.ts';
import { answers, decided, granted, type OpenedStore, openStoreThatAnswers } from './opened-stores.ts';
import { becomesTrue } from './waiting.ts';

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
/** Stores that stand for nodes of Weir: all count the same, and no other test's. */
async function openNodes(count: number): Promise<readonly OpenedStore[]> {
  const keyPrefix = `test-${prefix++}`;
  const nodes = Array.from({ length: count }, () =>
    openStoreThatAnswers({ url: cluster.url, keyPrefix }, oneOfEachTag),
  );
  const opened = await Promise.all(nodes);
  for (const { store } of opened) closing.push(() => store.close());
  return opened;
}

async function openNode(): Promise<OpenedStore> {
  const [node] = await openNodes(1);
  if (node === undefined) throw new Error('no node was opened');
  return node;
}

/** So many subjects of one tag. */
function subjectsOf(tag: number, count: number): readonly string[] {
  const subjects: string[] = [];
  for (let i = 0; subjects.length < count; i++) if (computeVirtualTag(`s${i}`) === tag) subjects.push(`s${i}`);
  return subjects;
}

const tags = Array.from({ length: 64 }, (_, tag) => tag);
const look = (subject: string): Decision => ({ charges: [makeCharge(subject, makeLimit(50, '1h'), 0)] });
const one = (subject: string): Decision => ({ charges: [makeCharge(subject, makeLimit(50, '1h'))] });
const oneOfEachTag = tags.flatMap((tag) => subjectsOf(tag, 1)).map(look);

/** The tags that the master began with. */
function tagsOf(master: number): readonly number[] {
  return tags.filter((tag) => Math.floor((computeTagSlot(tag) * 3) / 16_384) === master);
}

function tagOf(master: number): number {
  const [tag] = tagsOf(master);
  if (tag === undefined) throw new Error('the master has no tag');
  return tag;
}

function masterAt(place: number): ClusterNode {
  const master = cluster.masters[place];
  if (master === undefined) throw new Error('no such master');
  return master;
}

function moveTag(tag: number, from: ClusterNode, to: ClusterNode): Promise<void> {
  return moveSlot(computeTagSlot(tag), from, to);
}

/** Asks batches of single hits until told to stop; gives how many each subject was granted, and what was refused why. */
function load(store: RedisStore, subjects: readonly string[]) {
  const grants = new Map(subjects.map((subject) => [subject, 0]));
  const failures: string[] = [];
  let isOver = false;
  const done = (async () => {
    for (let turn = 0; !isOver; turn++) {
      const batch = subjects.filter((_, i) => (i + turn) % 3 !== 0);
      const outcomes = await decided(store, batch.map(one)).catch((error: Error) => void failures.push(error.message));
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

describe('counters in a Redis Cluster', () => {
  it('grants exactly the limit of each subject, whichever master and whichever node', async () => {
    const nodes = await openNodes(3);
    const decisions = tags.flatMap((tag) => subjectsOf(tag, 2)).flatMap((subject) => Array(30).fill(one(subject)));
    const answers = await Promise.all(nodes.map(({ store }) => decided(store, decisions)));
    expect(answers.map(granted).reduce((sum, each) => sum + each)).toBe(2 * 64 * 50);
    expect(nodes.flatMap(({ log }) => log)).toEqual([]);
  });

  it('moves a slot to another master under load: no call fails, and no subject gets more than its limit', async () => {
    const nodes = await openNodes(2);
    const tag = tagOf(0);
    const subjects = subjectsOf(tag, 40);
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

  it('follows a slot that was moved to a master it never heard of', async () => {
    const { store, log } = await openNode();
    const tag = tagOf(2);
    const [subject = ''] = subjectsOf(tag, 1);
    await decided(store, [one(subject)]);
    const added = await cluster.addMaster();
    await moveTag(tag, masterAt(2), added);
    const [outcome] = await decided(store, [one(subject)]);
    expect(outcome?.charges[0]?.remaining).toBe(48);
    await moveTag(tag, added, masterAt(2));
    expect((await decided(store, [one(subject)]))[0]?.charges[0]?.remaining).toBe(47);
    expect(log).toEqual([]);
  });

  it('warns of every master that evicts live counters', async () => {
    for (const { client } of cluster.masters) await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const { log } = await openNode();
    await becomesTrue(() => log.length >= 3);
    const named = cluster.masters.map(({ port }) => `127.0.0.1:${port}`);
    expect(log.map((line) => /may evict.*"server":"([^"]*)"/.exec(line)?.[1]).sort()).toEqual(named.sort());
    for (const { client } of cluster.masters) await client.config('SET', 'maxmemory-policy', 'noeviction');
  });

  // Last: they leave the cluster with a node less each.
  it.each([
    ['is killed', 1, 'SIGKILL'],
    ['stops answering', 2, 'SIGSTOP'],
  ] as const)(
    'loses only the groups of a master that %s, until 2 s after its replica took over',
    async (_, place, signal) => {
      const { store } = await openNode();
      const lost = subjectsOf(tagOf(place), 5).map(look);
      const others = tags.filter((tag) => !tagsOf(place).includes(tag)).map((tag) => look(subjectsOf(tag, 1)[0] ?? ''));
      await sleep(500); // what is looked at often while nodes are met is no more
      const { pid } = masterAt(place);
      if (pid === undefined) throw new Error('the node has no process');
      process.kill(pid, signal);
      await becomesTrue(async () => !(await answers(store, lost)));
      expect(await answers(store, others)).toBe(true);
      await becomesTrue(async () => String(await cluster.replicas[place]?.client.call('ROLE')).startsWith('master'));
      const promotedAt = performance.now();
      await becomesTrue(() => answers(store, lost));
      expect(performance.now() - promotedAt).toBeLessThan(2000);
      expect(await answers(store, others)).toBe(true);
    },
  );
});
