import { expect, it, onTestFinished } from 'vitest';
import { startRedisCluster } from '../../../provision/redis-cluster.ts';
import { computeVirtualTag } from '../../../src/counters/redis/batch/counter-key.ts';
import type { RedisStore } from '../../../src/counters/redis/redis-store.ts';
import { type Charge, StoreUnavailable } from '../../../src/decide/ports.ts';
import { createReceipt } from '../../../src/decide/receipts/receipt.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { makeCharge, makeLimit } from '../model/builders.ts';
import { openStore as openOneStore } from '../redis/open-test-store.ts';
import { openRedisCluster } from './clocked-stores.ts';
import { describeCounterStore } from './counter-store-contract.ts';
import { requireAnswer } from './store-harness.ts';

describeCounterStore('a Redis Cluster store', openRedisCluster);

/** Opens a store, and waits until each master answers. */
async function openStore(peeks: readonly Charge[]): Promise<RedisStore> {
  const cluster = await startRedisCluster();
  onTestFinished(cluster.stop);
  const { store } = openOneStore({ url: cluster.url, deadlineMs: 2000 });
  onTestFinished(() => store.close());
  const decisions = peeks.map((peek) => ({ charges: [peek] }));
  await waitUntil(
    async () => !(await store.decide(decisions, undefined)).some((each) => each instanceof StoreUnavailable),
  );
  return store;
}

async function decide(store: RedisStore, ...charges: readonly Charge[]) {
  const [outcome] = (await store.decide([{ charges }], undefined)).map(requireAnswer);
  if (outcome === undefined) throw new Error('the store gave no outcome');
  return outcome;
}

it('a Redis Cluster store refunds the charges of one subject when another subject rejects the decision', async () => {
  const limits = [
    makeLimit(3, '1h'),
    makeLimit(300, '1h', { name: 'large' }),
    makeLimit(3, '1h', { algorithm: 'concurrency' }),
  ];
  const addressCharges = limits.map((limit) => makeCharge('address', limit, limit.requests));
  const account = makeCharge('account', makeLimit(1, '1h'));
  expect(computeVirtualTag('address')).not.toBe(computeVirtualTag('account'));
  const store = await openStore([...addressCharges, account].map((charge) => ({ ...charge, hits: 0 })));
  const granted = await decide(store, account);
  expect(granted.granted).toBe(true);
  for (let asked = 0; asked < 3; asked++) {
    const rejected = await decide(store, ...addressCharges, account);
    expect(rejected.granted).toBe(false);
    expect(rejected.charges.map(({ exceeded }) => exceeded)).toEqual([false, false, false, true]);
    expect(rejected.charges.map(({ remaining }) => remaining)).toEqual([3, 300, 3, 0]);
  }
  const receipt = createReceipt('account', [account], granted);
  expect((await store.refund([receipt, receipt])).map(requireAnswer)).toEqual([1, undefined]);
  expect(await decide(store, ...addressCharges, account)).toMatchObject({ granted: true });
});
