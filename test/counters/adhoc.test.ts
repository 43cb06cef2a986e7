import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { CountedLimit } from '../../src/core/limit.ts';
import { StoreUnavailable, type Receipt } from '../../src/decide/ports.ts';
import { receiptOf } from '../../src/decide/receipts.ts';
import { openMemory, openRedis } from './clocked-stores.ts';
import { NOON, SECOND, waits } from './traces.ts';

const mk = (algorithm: string, requests: number, more: object = {}) =>
  ({ name: 'n', algorithm, requests, windowSeconds: 60, identity: algorithm === 'token_bucket' ? `t/${requests}` : `n/${algorithm}`, ...more }) as unknown as CountedLimit;
const limits = [
  mk('sliding_window', 3), mk('sliding_window', 9, { identity: 's/9', windowSeconds: 3600 }), mk('sliding_window', 64), mk('sliding_window', 65), mk('sliding_window', 300), mk('sliding_window', 70_000),
  mk('sliding_window', 5, { identity: 'b/s', blockForSeconds: 30 }),
  mk('fixed_window', 5), mk('fixed_window', 500), mk('fixed_window', 5, {identity: 'b/f', blockForSeconds: 100 }),
  mk('token_bucket', 5, { burst: 10 }), mk('token_bucket', 7, { burst: 3 }), mk('token_bucket', 700, { burst: 300 }), mk('token_bucket', 7, { burst: 3, identity: 'b/t', blockForSeconds: 7 }),
  mk('calendar', 5, { unit: 'hour', windowSeconds: 3600 }), mk('calendar', 50, { unit: 'month', anchorDay: 14, timeZone: 'Europe/Berlin', identity: 'm' }),
  mk('concurrency', 5), mk('concurrency', 100),
];
const steps = fc.array(
  fc.record({
    wait: fc.oneof({ weight: 8, arbitrary: waits(60) }, { weight: 1, arbitrary: fc.constantFrom(1000, 5000 * SECOND) }),
    batch: fc.array(
      fc.array(
        fc.record({
          subject: fc.constantFrom('a', 'b'), limit: fc.constantFrom(...limits), hits: fc.constantFrom(0, 1, 1, 1, 3, 60, 299, 69_000),
          settles: fc.constantFrom(false, false, true), ahead: fc.constantFrom(0, 0, 0, 1000000),
        }), { maxLength: 3 }),
      { maxLength: 6 }),
    back: fc.array(fc.record({ nth: fc.nat(20), named: fc.boolean() }), { maxLength: 3 }),
  }),
  { minLength: 200, maxLength: 400 },
);
it('equal', async () => {
  const memory = await openMemory();
  const redis = await openRedis();
  let traces = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (trace) => {
      traces++;
      let now = NOON;
      const receipts: [Receipt, Receipt][] = [];
      for (const { wait, batch, back } of trace) {
        now += wait;
        await Promise.all([memory.setClock(now), redis.setClock(now)]);
        const decisions = batch.map((charges) => ({ charges: charges.map((c) => ({ ...c, subject: `${traces}|${c.subject}` })) }));
        const [ours, theirs] = await Promise.all([memory.store.decide(decisions), redis.store.decide(decisions)]);
        const plain = (o: unknown) => (o instanceof StoreUnavailable ? o.message : { ...(o as object), source: '' });
        expect(theirs.map(plain)).toEqual(ours.map(plain));
        ours.forEach((o, i) => {
          const t = theirs[i];
          if (!(o instanceof StoreUnavailable) && o.granted && t && !(t instanceof StoreUnavailable) && decisions[i])
            receipts.push([receiptOf(`${traces}-${receipts.length}`, decisions[i].charges, o), receiptOf(`${traces}-${receipts.length}`, decisions[i].charges, t)]);
        });
        const given = back.flatMap(({ nth, named }) => { const r = receipts[nth]; return r ? [named ? r : r.map((x) => ({ ...x, id: undefined })) as [Receipt, Receipt]] : []; });
        expect(await redis.store.giveBack(given.map(([, r]) => r))).toEqual(await memory.store.giveBack(given.map(([r]) => r)));
      }
    }),
    { numRuns: 30 },
  );
  await memory.close();
  await redis.close();
}, 300_000);
