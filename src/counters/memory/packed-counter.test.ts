import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limitOf, NOON, TRACES } from '../../../test/counters/model/traces.ts';
import { type Counter, emptyCounter } from '../../domain/counting/counter.ts';
import { type CounterSpec, counterSpec } from '../../domain/counting/counter-spec.ts';
import { MAX_HIT_LOG_ENTRIES, subBucketOf } from '../../domain/counting/hit-log.ts';
import { LONGEST_PACKED, packCounter, unpackCounter } from './packed-counter.ts';

const algorithm = fc.constantFrom('sliding_window', 'fixed_window', 'concurrency', 'token_bucket');
const terms: fc.Arbitrary<CounterSpec> = fc.oneof(
  fc
    .tuple(fc.constantFrom(1, 64, 65, 2 ** 32 - 1), fc.constantFrom('1s', '7s', '60s', '1h', '31d', '3650d'), algorithm)
    .map(([requests, window, algorithm]) => counterSpec(limitOf(requests, window, { algorithm }), NOON)),
  fc.constant<CounterSpec>({ kind: 'period', requests: 5, block: 0, start: NOON - 5, end: NOON + 5, next: NOON + 20 }),
);
const times = fc.oneof(fc.constant(NOON), fc.integer({ min: 1, max: 2 ** 53 - 1 }));
const counts = fc.oneof(
  { weight: 5, arbitrary: fc.constant(1) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 40, 2 ** 46 / MAX_HIT_LOG_ENTRIES),
  },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 1000 }) },
);

/** Steps between ends, in sub-buckets or, where exact times are kept, in parts of the time that a hit may count. */
const steps = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), counts), {
  maxLength: MAX_HIT_LOG_ENTRIES,
  size: 'max',
});

function fill(
  counter: Counter,
  term: CounterSpec,
  isExact: boolean,
  entries: readonly (readonly [number, number])[],
): void {
  const { tally } = counter;
  const subBucket = term.kind === 'rate' ? 1 : subBucketOf(term);
  tally.unit = isExact || term.kind === 'period' ? 1 : subBucket;
  // What counts ends within the hit's life and an eighth of it; so sub-buckets are 19 at most.
  const most = term.kind === 'span' ? term.life * (9 / 8) : 2 ** 40;
  const ends = new Set(entries.map(([part]) => Math.ceil((NOON + part * most) / tally.unit) * tally.unit));
  for (const end of [...ends].sort((a, b) => a - b)) {
    const hits = entries[tally.ends.length]?.[1] ?? 1;
    tally.ends.push(end);
    tally.hits.push(hits);
    tally.total += hits;
  }
}

describe('a packed counter', () => {
  it('is read as it was written, whatever stood before and after it', () => {
    const blockedUntil = fc.oneof(fc.constant(0), times);
    const bucket = fc.record({ seen: fc.nat(2 ** 53 - 1), debt: fc.nat(2 ** 53 - 1) });
    const block = fc.record({ blocked: blockedUntil, isHeld: fc.boolean() });
    const property = fc.property(terms, block, bucket, steps, fc.boolean(), fc.nat(9), (...drawn) => {
      const [term, { blocked, isHeld }, { seen, debt }, entries, isExact, start] = drawn;
      const counter = emptyCounter();
      counter.blockedUntil = blocked;
      counter.isHeld = isHeld && blocked > 0;
      if (term.kind === 'rate') Object.assign(counter.bucket, { seen, debt });
      else fill(counter, term, isExact, entries);
      const bytes = new Uint8Array(start + LONGEST_PACKED + 9).fill(170);
      const end = packCounter(bytes, start, counter, term);
      expect(end - start).toBeLessThanOrEqual(LONGEST_PACKED);
      expect(bytes.slice(end).every((byte) => byte === 170)).toBe(true);
      const read = emptyCounter();
      // Of another counter, as the store reads many into one.
      read.isHeld = true;
      Object.assign(read.tally, { ends: [1, 2, 3], hits: [4, 5, 6], total: 15, unit: 7 });
      unpackCounter(bytes, start, end, term, read);
      if (term.kind === 'rate')
        expect(read).toMatchObject({ blockedUntil: blocked, isHeld: counter.isHeld, bucket: { seen, debt } });
      else expect(read).toEqual(counter);
    });
    fc.assert(property, TRACES);
  });

  it.each([
    ['one hit', 1, 1, 12],
    ['64 hits at times of their own', 64, 1, 264],
    ['64 times of several hits', 64, 9, 328],
  ])('takes 8 bytes and 4 for each time, and 1 more if several hits were at one: %s', (_, times, hits, length) => {
    const term = counterSpec(limitOf(64, '60s'), NOON);
    const counter = emptyCounter();
    const entries = Array.from({ length: times }, (_, i) => [i / times, hits] as const);
    fill(counter, term, true, entries);
    expect(packCounter(new Uint8Array(LONGEST_PACKED), 0, counter, term)).toBe(length);
  });
});
