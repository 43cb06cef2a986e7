// A node of its own: asks the store at the URL for so many single hits of one leased counter, 20 at a time, and prints
// how many were granted.
import { LeasingStore } from '../../../src/counters/leases/leasing-store.ts';
import { RedisStore } from '../../../src/counters/redis/redis-store.ts';
import { StoreUnavailable } from '../../../src/decide/ports.ts';
import { silent } from '../contract/clocked-stores.ts';
import { leasedLimit } from './leased-limit.ts';
import { becomesTrue } from './waiting.ts';

const [url = '', keyPrefix = '', requests = '0', limit = '1'] = process.argv.slice(2);
const BATCH = 20;

const redis = new RedisStore({ url, keyPrefix, logger: silent, deadlineMs: 10_000 });
await becomesTrue(() => redis.ready);
const store = new LeasingStore(redis, silent);
const decision = { charges: [{ subject: 'shared', limit: leasedLimit(Number(limit), 3600), hits: 1 }] };
let granted = 0;
for (let asked = 0; asked < Number(requests); asked += BATCH) {
  const outcomes = await store.decide(Array.from({ length: BATCH }, () => decision));
  granted += outcomes.filter((outcome) => !(outcome instanceof StoreUnavailable) && outcome.granted).length;
}
await store.close();
await redis.close();
process.stdout.write(`${granted}\n`);
