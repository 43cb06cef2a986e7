// Stands for a node: requests single hits of one counter from the Redis at a URL, and prints how many were granted.
// Arguments: URL, key prefix, number of requests, limit.
import { RedisStore } from '../../../src/counters/redis/redis-store.ts';
import { StoreUnavailable } from '../../../src/decide/ports.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { silentLogger } from '../contract/clocked-stores.ts';
import { makeCharge, makeLimit } from '../model/builders.ts';

const [url = '', keyPrefix = '', requests = '0', limit = '1'] = process.argv.slice(2);
const BATCH = 5;

const store = new RedisStore({ url, keyPrefix, logger: silentLogger, deadlineMs: 10_000 });
await waitUntil(() => store.ready);
const decision = { charges: [makeCharge('shared', makeLimit(Number(limit), '1h'))] };
let granted = 0;
for (let asked = 0; asked < Number(requests); asked += BATCH) {
  const outcomes = await store.decide(
    Array.from({ length: BATCH }, () => decision),
    undefined,
  );
  granted += outcomes.filter((outcome) => !(outcome instanceof StoreUnavailable) && outcome.granted).length;
}
await store.close();
process.stdout.write(`${granted}\n`);
