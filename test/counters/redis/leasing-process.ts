// Stands for a node: requests single hits of one leased counter from the Redis at a URL, 20 at a time, and prints how
// many were granted. Arguments: URL, key prefix, number of requests, limit.
import { LeasingStore } from '../../../src/counters/leases/leasing-store.ts';
import { RedisStore } from '../../../src/counters/redis/redis-store.ts';
import { StoreUnavailable } from '../../../src/decide/ports.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { silentLogger } from '../contract/clocked-stores.ts';
import { makeLeasedLimit } from '../model/builders.ts';

const [url = '', keyPrefix = '', requests = '0', limit = '1'] = process.argv.slice(2);
const BATCH = 20;

const redis = new RedisStore({ url, keyPrefix, logger: silentLogger, deadlineMs: 10_000 });
await waitUntil(() => redis.ready);
const store = new LeasingStore(redis, silentLogger);
const decision = { charges: [{ subject: 'shared', limit: makeLeasedLimit(Number(limit), 3600), hits: 1 }] };
let granted = 0;
for (let asked = 0; asked < Number(requests); asked += BATCH) {
  const outcomes = await store.decide(
    Array.from({ length: BATCH }, () => decision),
    undefined,
  );
  granted += outcomes.filter((outcome) => !(outcome instanceof StoreUnavailable) && outcome.granted).length;
}
await store.close();
await redis.close();
process.stdout.write(`${granted}\n`);
