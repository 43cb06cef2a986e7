import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { startRedis } from '../../../provision/redis.ts';
import { startRedisCluster } from '../../../provision/redis-cluster.ts';
import { computeVirtualTag } from '../../../src/counters/redis/batch/counter-key.ts';
import { computeTagSlot } from '../../../src/counters/redis/topology/cluster-slots.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { makeCharge, makeLimit } from '../model/builders.ts';
import { decideAll, isAnswering, openStore } from './open-test-store.ts';

const PASSWORD = 'correct-horse';
/** The commands that docs/redis.md lists. */
const SERVER_COMMANDS = [
  '+evalsha',
  '+eval',
  '+script|load',
  '+time',
  '+info',
  '+mget',
  '+set',
  '+setrange',
  '+incr',
  '+del',
];
const CLUSTER_COMMANDS = [...SERVER_COMMANDS, '+cluster|slots', '+asking'];
const one = { charges: [makeCharge('key', makeLimit(1000, '1h'))] };

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function allow(client: Redis, commands: readonly string[], keys = '~weir:*'): Promise<void> {
  await client.call('ACL', 'SETUSER', 'weir', 'reset', 'on', `>${PASSWORD}`, keys, ...commands);
}

/** Starts a server with a user that has only these permissions, and opens a store that connects as this user. */
async function openAs(commands: readonly string[], keys?: string) {
  const redis = await startRedis();
  closing.push(redis.stop);
  const client = new Redis(redis.url);
  await allow(client, commands, keys).finally(() => client.disconnect());
  const opened = openStore({ url: `redis://weir:${PASSWORD}@127.0.0.1:${redis.port}` });
  closing.push(() => opened.store.close());
  return opened;
}

describe('a Redis store with a restricted user', () => {
  it('needs no more permissions than docs/redis.md lists', async () => {
    const { store, log } = await openAs(SERVER_COMMANDS);
    await waitUntil(() => store.ready);
    expect((await decideAll(store, [one]))[0]).toMatchObject({ granted: true, source: 'redis' });
    // The second decision changes the value that the first one wrote.
    expect((await decideAll(store, [one]))[0]).toMatchObject({ granted: true, source: 'redis' });
    expect(log).toEqual([]);
  });

  it.each([
    ['+evalsha', /refused a batch.*NOPERM.*'evalsha'/],
    ['+time', /not usable.*NOPERM.*'time'/],
    ['+mget', /refused a batch.*(NOPERM|can't run|permission)/],
    ['+set', /refused a batch.*(NOPERM|can't run|permission)/],
    ['+setrange', /refused a batch.*(NOPERM|can't run|permission)/],
  ])('fails without %s, and logs why', async (missing, reason) => {
    const { store, log } = await openAs(SERVER_COMMANDS.filter((command) => command !== missing));
    await waitUntil(async () => !(await isAnswering(store, [one])) && log.length > 0);
    expect(log.at(-1)).toMatch(reason);
    expect(log.join()).not.toContain(PASSWORD);
  });

  it('fails without permission for its keys, and logs why', async () => {
    const { store, log } = await openAs(SERVER_COMMANDS, '~other:*');
    await waitUntil(() => store.ready);
    await expect(decideAll(store, [one])).rejects.toThrow('NOPERM');
    expect(log[0]).toMatch(/refused a batch.*NOPERM.*key/);
  });

  it.each([
    ['+info', [/cannot tell whether Redis may evict.*NOPERM/]],
    ['+script|load', []],
    ['+incr', []],
  ])('counts without %s', async (missing, lines) => {
    const { store, log } = await openAs(SERVER_COMMANDS.filter((command) => command !== missing));
    await waitUntil(() => store.ready && log.length === lines.length);
    // The second decision needs the sequence that the first one advanced.
    for (const remaining of [999, 998]) {
      expect((await decideAll(store, [one]))[0]?.charges[0]?.remaining).toBe(remaining);
    }
    expect(log).toEqual(lines.map((line) => expect.stringMatching(line)));
  });

  it('needs no more permissions than docs/redis.md lists in a cluster, also while a slot moves', async () => {
    const cluster = await startRedisCluster({ masters: 2 });
    closing.push(cluster.stop);
    const slot = computeTagSlot(computeVirtualTag(one.charges[0]?.subject ?? ''));
    const [from, to] = slot < 8192 ? cluster.masters : cluster.masters.toReversed();
    if (from === undefined || to === undefined) throw new Error('the test needs two masters');
    for (const { client } of cluster.masters) await allow(client, CLUSTER_COMMANDS);
    const { store, log } = openStore({ url: cluster.url.replace('://', `://weir:${PASSWORD}@`) });
    closing.push(() => store.close());
    await waitUntil(() => isAnswering(store, [one]));
    await to.client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
    await from.client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
    const [key = ''] = (await from.client.cluster('GETKEYSINSLOT', slot, 1)) as string[];
    await from.client.call('MIGRATE', '127.0.0.1', to.port, key, 0, 5000);
    expect((await decideAll(store, [one]))[0]?.charges[0]?.remaining).toBe(998);
    expect(log).toEqual([]);
    await to.client.call('ACL', 'SETUSER', 'weir', '-asking');
    await expect(decideAll(store, [one])).rejects.toThrow(/NOPERM.*'asking'/);
  });
});
