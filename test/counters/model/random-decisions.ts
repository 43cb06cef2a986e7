import fc from 'fast-check';
import type { Charge, Correction } from '../../../src/decide/ports.ts';
import type { CounterChange } from '../../../src/domain/counting/counter-admin.ts';
import { HOUR, makeCalendarLimit, makeCredits, makeLimit, SECOND } from './builders.ts';
import { waits } from './traces.ts';

const creditLimits = [makeCredits(5), makeCredits(300), makeCredits(7, { name: 'owing', chargeRejected: true })];

/**
 * Limits of all algorithms and forms. Some are the same counter under a changed limit, but no token bucket changes its
 * rate: one store may forget a bucket that is full at the old rate, while another refills it at the new rate.
 */
const limits = [
  makeLimit(3, '60s'),
  makeLimit(64, '60s'),
  makeLimit(65, '60s'),
  makeLimit(300, '60s'),
  makeLimit(70_000, '60s'),
  makeLimit(20, '2h'),
  makeLimit(5, '60s', { name: 'blocking', blockForSeconds: 30 }),
  makeLimit(5, '60s', { algorithm: 'fixed_window' }),
  makeLimit(500, '60s', { algorithm: 'fixed_window' }),
  makeLimit(5, '60s', { algorithm: 'fixed_window', name: 'blocking', blockForSeconds: 100 }),
  makeLimit(7, '60s', { algorithm: 'token_bucket', burst: 10 }),
  makeLimit(7, '60s', { algorithm: 'token_bucket', burst: 3 }),
  makeLimit(700, '60s', { algorithm: 'token_bucket', burst: 300, name: 'fast' }),
  makeLimit(7, '60s', { algorithm: 'token_bucket', burst: 3, name: 'blocking', blockForSeconds: 7 }),
  makeCalendarLimit(5, 'hour'),
  makeCalendarLimit(50, 'month', { timeZone: 'Europe/Berlin', anchorDay: 14 }),
  makeCalendarLimit(5, 'hour', { name: 'blocking', blockForSeconds: 600 }),
  makeLimit(5, '60s', { algorithm: 'concurrency' }),
  makeLimit(100, '60s', { algorithm: 'concurrency' }),
  makeLimit(5, '60s', { algorithm: 'concurrency', name: 'blocking', blockForSeconds: 30 }),
  makeLimit(5, '60s', { name: 'owing', chargeRejected: true }),
  makeLimit(300, '60s', { name: 'owing', chargeRejected: true }),
  makeLimit(5, '60s', { algorithm: 'fixed_window', chargeRejected: true }),
  makeLimit(5, '60s', { algorithm: 'fixed_window', name: 'owing', blockForSeconds: 20, chargeRejected: true }),
  makeLimit(7, '60s', { algorithm: 'token_bucket', burst: 10, name: 'owing', chargeRejected: true }),
  makeCalendarLimit(5, 'hour', { name: 'owing', chargeRejected: true }),
  ...creditLimits,
];

const randomLimits = fc.constantFrom(...limits);

/** A charge without its subject. */
export type SubjectlessCharge = Omit<Charge, 'subject'>;

export const randomCharges: fc.Arbitrary<SubjectlessCharge> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record<SubjectlessCharge>({
      limit: randomLimits,
      hits: fc.constantFrom(0, 1, 1, 1, 2, 3, 60, 299, 69_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record<SubjectlessCharge>({
      limit: randomLimits,
      hits: fc.constantFrom(1, 3, 400),
      isSettlement: fc.constant(true),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record<SubjectlessCharge>({
      limit: randomLimits,
      hits: fc.constantFrom(1, 3),
      spentWithinMicros: fc.constant(SECOND),
    }),
  },
);

/** A correction without its subject. */
type SubjectlessCorrection = Omit<Correction, 'subject'>;

/** Changes that any limit's counter can have. */
export const randomChanges: fc.Arbitrary<CounterChange> = fc.oneof(
  fc.constantFrom<CounterChange>({ kind: 'reset' }, { kind: 'unblock' }),
  fc.record({ kind: fc.constant('block'), microseconds: waits(60).map((wait) => wait + 1) }),
);
const addedCredits = fc.record({
  kind: fc.constant('add_credits'),
  credits: fc.constantFrom(1, 5, 70_000),
  requestId: fc.constantFrom(undefined, 'a', 'b'),
});

export const randomCorrections: fc.Arbitrary<SubjectlessCorrection> = fc.oneof(
  { weight: 3, arbitrary: fc.record<SubjectlessCorrection>({ limit: randomLimits, change: randomChanges }) },
  {
    weight: 1,
    arbitrary: fc.record<SubjectlessCorrection>({ limit: fc.constantFrom(...creditLimits), change: addedCredits }),
  },
);

/** Waits for windows of a minute, now and then of an hour, in µs. */
export const randomWaits: fc.Arbitrary<number> = fc.oneof(
  { weight: 12, arbitrary: waits(60) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: HOUR }) },
);
