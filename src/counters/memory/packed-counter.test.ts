import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeLimit, NOON } from '../../../test/counters/model/builders.ts';
import { TRACE_RUNS } from '../../../test/counters/model/traces.ts';
import { type Counter, emptyCounter } from '../../domain/counting/counter.ts';
import { type CounterSpec, counterSpec } from '../../domain/counting/counter-spec.ts';
import type { CreditBalance } from '../../domain/counting/credit-balance.ts';
import { type HitLog, MAX_HIT_LOG_ENTRIES, subBucketMicros } from '../../domain/counting/hit-log.ts';
import type { TokenBucket } from '../../domain/counting/token-bucket.ts';
import { MAX_PACKED_BYTES, packCounter, unpackCounter } from './packed-counter.ts';

const algorithms = fc.constantFrom('sliding_window', 'fixed_window', 'concurrency', 'token_bucket');
const specs: fc.Arbitrary<CounterSpec> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(1, 64, 65, 2 ** 32 - 1),
      fc.constantFrom('1s', '7s', '60s', '1h', '31d', '3650d'),
      algorithms,
    )
    .map(([requests, window, algorithm]) => counterSpec(makeLimit(requests, window, { algorithm }), NOON)),
  fc.constant<CounterSpec>({ kind: 'credits', requests: 5, blockMicros: 0 }),
  fc.constant<CounterSpec>({
    kind: 'calendar',
    requests: 5,
    blockMicros: 0,
    start: NOON - 5,
    end: NOON + 5,
    nextEnd: NOON + 20,
  }),
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

/** Entries of a hit log: the end, as a part of the time that hits may count, and the count. */
const logEntries = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), counts), {
  maxLength: MAX_HIT_LOG_ENTRIES,
  size: 'max',
});

function fillHitLog(
  { hitLog }: Counter,
  spec: CounterSpec,
  isExact: boolean,
  entries: readonly (readonly [number, number])[],
): void {
  const subBucket = spec.kind === 'window' ? subBucketMicros(spec) : 1;
  const resolution = isExact || spec.kind === 'calendar' ? 1 : subBucket;
  hitLog.resolutionMicros = resolution;
  // Every end is within the lifetime of a hit and an eighth of it. So there are 19 sub-buckets at most.
  const maxAhead = spec.kind === 'window' ? spec.lifetimeMicros * (9 / 8) : 2 ** 40;
  const ends = new Set(entries.map(([part]) => Math.ceil((NOON + part * maxAhead) / resolution) * resolution));
  for (const end of [...ends].sort((one, other) => one - other)) {
    const hits = entries[hitLog.ends.length]?.[1] ?? 1;
    hitLog.ends.push(end);
    hitLog.hits.push(hits);
    hitLog.total += hits;
  }
}

describe('a packed counter', () => {
  it('unpacks to the counter that was packed, whatever bytes surround it', () => {
    const buckets = fc.record<TokenBucket>({ refilledAt: fc.nat(2 ** 53 - 1), debt: fc.nat(2 ** 53 - 1) });
    const blocks = fc.record({ blockedUntil: fc.oneof(fc.constant(0), times), isManual: fc.boolean() });
    const credits = fc.nat(2 ** 46);
    const balances = fc.record<CreditBalance>({ spentCredits: credits, addedCredits: credits });
    const property = fc.property(specs, blocks, buckets, balances, logEntries, fc.boolean(), fc.nat(9), (...drawn) => {
      const [spec, { blockedUntil, isManual }, bucket, balance, entries, isExact, start] = drawn;
      const counter = emptyCounter();
      counter.blockedUntil = blockedUntil;
      counter.isBlockedManually = isManual && blockedUntil > 0;
      if (spec.kind === 'token_bucket') Object.assign(counter.tokenBucket, bucket);
      else if (spec.kind === 'credits') Object.assign(counter, balance);
      else fillHitLog(counter, spec, isExact, entries);
      const bytes = new Uint8Array(start + MAX_PACKED_BYTES + 9).fill(170);
      const end = packCounter(bytes, start, counter, spec);
      expect(end - start).toBeLessThanOrEqual(MAX_PACKED_BYTES);
      expect(bytes.slice(end).every((byte) => byte === 170)).toBe(true);
      const unpacked = emptyCounter();
      // Contents of another counter: the store unpacks many counters into the same object.
      unpacked.isBlockedManually = true;
      const otherLog: HitLog = { ends: [1, 2, 3], hits: [4, 5, 6], total: 15, resolutionMicros: 7 };
      Object.assign(unpacked.hitLog, otherLog);
      unpackCounter(bytes, start, end, spec, unpacked);
      const { isBlockedManually } = counter;
      if (spec.kind === 'token_bucket')
        expect(unpacked).toMatchObject({ blockedUntil, isBlockedManually, tokenBucket: bucket });
      else if (spec.kind === 'credits') expect(unpacked).toMatchObject({ blockedUntil, isBlockedManually, ...balance });
      else expect(unpacked).toEqual(counter);
    });
    fc.assert(property, TRACE_RUNS);
  });

  it.each([
    ['12 bytes for one hit', 1, 1, 12],
    ['264 bytes, 8 and 4 for each, for 64 hits at times of their own', 64, 1, 264],
    ['328 bytes, 1 more for each, for 64 times of several hits', 64, 9, 328],
  ])('takes %s', (_, timeCount, hits, length) => {
    const spec = counterSpec(makeLimit(64, '60s'), NOON);
    const counter = emptyCounter();
    const entries = Array.from({ length: timeCount }, (_, index) => [index / timeCount, hits] as const);
    fillHitLog(counter, spec, true, entries);
    expect(packCounter(new Uint8Array(MAX_PACKED_BYTES), 0, counter, spec)).toBe(length);
  });
});
