import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RateLimitVerdict } from '../../decide/rate-limit/rate-limit-verdict.ts';
import { advertisedQuota, type LimitStatus, tightestStatus } from '../../domain/limits/limit-status.ts';
import { parseLimit } from '../../domain/limits/parse-limit.ts';
import {
  RateLimitResponse_Code as Code,
  RateLimitResponse,
  RateLimitResponse_RateLimit_Unit as Unit,
} from '../../generated/envoy/service/ratelimit/v3/rls.ts';
import type { LimitHeaderMode } from '../headers/limit-headers.ts';
import { encodeRateLimitResponse } from './rate-limit-response.ts';

const count = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const status = fc.record({
  rule: fc.constant('shop.x'),
  label: fc.oneof(fc.string(), fc.string({ unit: 'grapheme', maxLength: 6000 })),
  limit: fc.record({
    name: fc.constant('x'),
    algorithm: fc.constant('sliding_window' as const),
    requests: count,
    windowSeconds: fc.oneof(
      fc.constantFrom(1, 60, 3600, 86_400, 604_800, 2_592_000, 31_536_000, 30, 300, 1_209_600),
      fc.integer({ min: 1, max: 315_360_000 }),
    ),
    identity: fc.constant('x'),
  }),
  exceeded: fc.boolean(),
  remaining: count,
  resetSeconds: count,
  retryAfterSeconds: fc.option(count, { nil: undefined }),
});
const descriptorVerdicts = fc.array(
  fc.record({ overLimit: fc.boolean(), status: fc.option(status, { nil: undefined }) }),
);
const sources = fc.constantFrom('memory' as const, 'redis' as const, 'fail-local' as const);
const receipts = fc.option(fc.constantFrom('a', 'WzFd'), { nil: undefined });
const UNIT_SECONDS = new Map([
  [Unit.YEAR, 31_536_000],
  [Unit.MONTH, 2_592_000],
  [Unit.WEEK, 604_800],
  [Unit.DAY, 86_400],
  [Unit.HOUR, 3600],
  [Unit.MINUTE, 60],
  [Unit.SECOND, 1],
]);

type DecidedVerdict = RateLimitVerdict & { kind: 'rate_limit' };

function makeVerdict(
  parts: Pick<DecidedVerdict, 'overLimit' | 'source' | 'descriptors'> & Partial<DecidedVerdict>,
): DecidedVerdict {
  const limits = parts.descriptors.flatMap((descriptor) => descriptor.status ?? []);
  return {
    kind: 'rate_limit',
    limits,
    deciding: tightestStatus(limits),
    retryAfterSeconds: undefined,
    receipt: undefined,
    candidates: [],
    metadata: [],
    ...parts,
  };
}

/** A verdict of Redis that lets the request pass, with one descriptor for each limit. */
function grant(limits: readonly LimitStatus[]): DecidedVerdict {
  const descriptors = limits.map((limit) => ({ overLimit: false, status: limit }));
  return makeVerdict({ overLimit: false, source: 'redis', descriptors });
}

/** The status of a limit of 60 a minute with these changes. */
function makeStatus(spec: object, changes: Partial<LimitStatus> = {}): LimitStatus {
  const limit = parseLimit({ name: 'x', requests: 60, window: '1m', ...spec });
  if (!('identity' in limit)) throw new Error(JSON.stringify(limit));
  const rest = { exceeded: false, remaining: 0, resetSeconds: 0, retryAfterSeconds: undefined };
  return { rule: 'shop.x', label: 'shop.x', limit, ...rest, ...changes };
}

function encodeHeaders(verdict: DecidedVerdict, mode: LimitHeaderMode = 'all') {
  const { responseHeadersToAdd } = RateLimitResponse.decode(encodeRateLimitResponse(verdict, mode));
  return Object.fromEntries(responseHeadersToAdd.map(({ key, value }) => [key, value]));
}

/** Absent where a retry would never fit: Envoy would promise one. */
const hasDuration = (limit?: LimitStatus) =>
  limit !== undefined && (!limit.exceeded || limit.retryAfterSeconds !== undefined);

/** The longest unit that divides the window, and how many of them it has if there is more than one. */
function toUnits(windowSeconds: number) {
  const [unit, seconds] = [...UNIT_SECONDS].find(([, length]) => windowSeconds % length === 0) ?? [Unit.UNKNOWN, 1];
  return { unit, unitMultiplier: windowSeconds === seconds ? undefined : windowSeconds / seconds };
}

describe('a RateLimitResponse', () => {
  it('has one status for each descriptor, in their order, and metadata that says who decided', () => {
    fc.assert(
      fc.property(descriptorVerdicts, fc.boolean(), sources, receipts, (descriptors, overLimit, source, receipt) => {
        const verdict = makeVerdict({ overLimit, source, descriptors, receipt });
        const response = RateLimitResponse.decode(encodeRateLimitResponse(verdict, 'off'));
        const { deciding } = verdict;
        expect(response.dynamicMetadata).toEqual({
          source,
          ...(receipt !== undefined && { receipt }),
          ...(deciding !== undefined && { rule: 'shop.x', limit: 'x', remaining: deciding.remaining }),
        });
        expect(response.responseHeadersToAdd).toEqual([]);
        expect(response.overallCode).toBe(overLimit ? Code.OVER_LIMIT : Code.OK);
        expect(response.statuses).toEqual(
          descriptors.map((descriptor) => ({
            code: descriptor.overLimit ? Code.OVER_LIMIT : Code.OK,
            currentLimit: descriptor.status && {
              name: Buffer.from(descriptor.status.label).toString(), // lone surrogates become U+FFFD, as in any encoder
              requestsPerUnit: descriptor.status.limit.requests,
              ...toUnits(descriptor.status.limit.windowSeconds),
            },
            limitRemaining: descriptor.status?.remaining ?? 0,
            durationUntilReset: hasDuration(descriptor.status)
              ? { seconds: descriptor.status?.resetSeconds, nanos: 0 }
              : undefined,
          })),
        );
      }),
    );
  });

  it.each([
    ['token_bucket', { burst: 120 }, 120, Unit.MINUTE, 2],
    ['token_bucket', { burst: 30 }, 30, Unit.SECOND, 30],
    ['token_bucket', { burst: 1 }, 1, Unit.SECOND, undefined],
    ['token_bucket', { burst: 60 }, 60, Unit.MINUTE, undefined],
    ['concurrency', {}, 60, Unit.UNKNOWN, undefined],
    ['fixed_window', {}, 60, Unit.MINUTE, undefined],
  ])('reports 60 a minute, as a %s with %j, as %d requests and the unit %d × %s', (...row) => {
    const [algorithm, options, requests, unit, unitMultiplier] = row;
    const verdict = grant([makeStatus({ algorithm, ...options }, { remaining: requests })]);
    const response = RateLimitResponse.decode(encodeRateLimitResponse(verdict, 'all'));
    expect(response.statuses[0]?.currentLimit).toMatchObject({ requestsPerUnit: requests, unit, unitMultiplier });
  });

  it('reports no unit for a bucket that fills in more than 2^32 seconds', () => {
    const slowest = makeStatus({ algorithm: 'token_bucket', requests: 1, window: '299999999s', burst: 30 });
    const response = RateLimitResponse.decode(encodeRateLimitResponse(grant([slowest]), 'all'));
    expect(response.statuses[0]?.currentLimit).toMatchObject({ unit: Unit.UNKNOWN, unitMultiplier: undefined });
  });

  it('has the right headers for one limit, after any sequence of other numbers', () => {
    const limit = makeStatus({});
    const number = fc.oneof(fc.integer({ min: 0, max: 1200 }), fc.integer({ min: 0, max: 2 ** 46 }));
    fc.assert(
      fc.property(fc.array(fc.tuple(number, number), { minLength: 1 }), (answers) => {
        for (const [remaining, resetSeconds] of answers) {
          expect(encodeHeaders(grant([{ ...limit, remaining, resetSeconds }]))).toEqual({
            'ratelimit-policy': `"x";q=${advertisedQuota(limit.limit).requests};w=60`,
            ratelimit: `"x";r=${remaining};t=${resetSeconds}`,
            'x-ratelimit-limit': '60',
            'x-ratelimit-remaining': `${remaining}`,
            'x-ratelimit-reset': `${resetSeconds}`,
          });
        }
      }),
    );
  });

  it('has the right headers for several limits, whichever of them is the tightest', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const templates = names.map((name) => makeStatus({ name }));
    const number = fc.oneof(fc.integer({ min: 0, max: 120 }), fc.integer({ min: 0, max: 2 ** 40 }));
    const answer = fc.array(fc.tuple(number, number), { minLength: 2, maxLength: names.length });
    fc.assert(
      fc.property(fc.array(answer, { minLength: 1 }), (answers) => {
        for (const numbers of answers) {
          const limits = numbers.map(([remaining, resetSeconds], index) => {
            return { ...(templates[index] ?? makeStatus({})), remaining, resetSeconds };
          });
          const tightest = tightestStatus(limits);
          expect(encodeHeaders(grant(limits))).toEqual({
            'ratelimit-policy': limits.map(({ limit: { name } }) => `"${name}";q=60;w=60`).join(', '),
            ratelimit: numbers.map(([r, t], index) => `"${names[index]}";r=${r};t=${t}`).join(', '),
            'x-ratelimit-limit': '60',
            'x-ratelimit-remaining': `${tightest?.remaining}`,
            'x-ratelimit-reset': `${tightest?.resetSeconds}`,
          });
        }
      }),
    );
  });

  describe('over the limit', () => {
    const free = makeStatus({ name: 'free', requests: 9 }, { remaining: 4, resetSeconds: 12 });
    const exceeded = makeStatus({}, { exceeded: true, resetSeconds: 7, retryAfterSeconds: 7 });

    it.each(['all', 'refused'] as const)('reports all limits and retry-after in the header mode %s', (mode) => {
      const descriptors = [free, exceeded].map((limit) => ({ overLimit: limit.exceeded, status: limit }));
      const verdict = makeVerdict({ overLimit: true, source: 'redis', descriptors, retryAfterSeconds: 7 });
      expect(encodeHeaders(verdict, mode)).toEqual({
        'ratelimit-policy': '"free";q=9;w=60, "x";q=60;w=60',
        ratelimit: '"free";r=4;t=12, "x";r=0;t=7',
        'x-ratelimit-limit': '60',
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': '7',
        'retry-after': '7',
      });
    });

    it('leaves x-ratelimit-* to Envoy in the header mode auto', () => {
      const descriptors = [free, exceeded].map((limit) => ({ overLimit: limit.exceeded, status: limit }));
      const verdict = makeVerdict({ overLimit: true, source: 'redis', descriptors, retryAfterSeconds: 7 });
      expect(encodeHeaders(verdict, 'auto')).toEqual({
        'ratelimit-policy': '"free";q=9;w=60, "x";q=60;w=60',
        ratelimit: '"free";r=4;t=12, "x";r=0;t=7',
        'retry-after': '7',
      });
    });

    it('is the only response with headers in the header mode refused', () => {
      expect(encodeHeaders(grant([free]), 'refused')).toEqual({});
    });
  });
});
