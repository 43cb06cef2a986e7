import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { RateLimitVerdict } from '../../decide/rate-limit/rate-limit-verdict.ts';
import { advertisedQuota, type LimitStatus, tightestStatus } from '../../domain/limit-status.ts';
import { parseLimit } from '../../domain/limits/parse-limit.ts';
import {
  RateLimitResponse_Code as Code,
  RateLimitResponse,
  RateLimitResponse_RateLimit_Unit as Unit,
} from '../../generated/envoy/service/ratelimit/v3/rls.ts';
import { encodeRateLimitResponse } from './rate-limit-response.ts';

const count = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const status = fc.record({
  rule: fc.constant('shop.x'),
  label: fc.oneof(fc.string(), fc.string({ unit: 'grapheme', maxLength: 6000 })),
  limit: fc.record({
    name: fc.constant('x'),
    algorithm: fc.constant('sliding_window' as const),
    requests: count,
    windowSeconds: fc.constantFrom(1, 60, 3600, 86_400, 604_800, 2_592_000, 31_536_000, 30),
    identity: fc.constant('x'),
  }),
  exceeded: fc.boolean(),
  remaining: count,
  resetSeconds: count,
  retryAfterSeconds: fc.option(count, { nil: undefined }),
});
const descriptors = fc.array(fc.record({ overLimit: fc.boolean(), status: fc.option(status, { nil: undefined }) }));
const sources = fc.constantFrom('memory' as const, 'redis' as const, 'fail-local' as const);
const units = new Map([
  [1, Unit.SECOND],
  [60, Unit.MINUTE],
  [3600, Unit.HOUR],
  [86_400, Unit.DAY],
  [604_800, Unit.WEEK],
  [2_592_000, Unit.MONTH],
  [31_536_000, Unit.YEAR],
]);

const receipts = fc.option(fc.constantFrom('a', 'WzFd'), { nil: undefined });

type Judged = RateLimitVerdict & { kind: 'rate_limit' };

function verdictOf(judged: Pick<Judged, 'overLimit' | 'source' | 'descriptors'> & Partial<Judged>): Judged {
  const limits = judged.descriptors.flatMap((each) => each.status ?? []);
  const deciding = tightestStatus(limits);
  return {
    kind: 'rate_limit',
    limits,
    deciding,
    retryAfterSeconds: undefined,
    receipt: undefined,
    candidates: [],
    metadata: [],
    ...judged,
  };
}

/** Not where a retry would never fit: Envoy would promise one. */
const hasReset = (told?: LimitStatus) => told !== undefined && (!told.exceeded || told.retryAfterSeconds !== undefined);

it('a RateLimitResponse says 1:1 what became of each descriptor, and who decided; a window without a unit is UNKNOWN', () => {
  fc.assert(
    fc.property(descriptors, fc.boolean(), sources, receipts, (each, overLimit, source, receipt) => {
      const verdict = verdictOf({ overLimit, source, descriptors: each, receipt });
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
        each.map((descriptor) => ({
          code: descriptor.overLimit ? Code.OVER_LIMIT : Code.OK,
          currentLimit: descriptor.status && {
            name: Buffer.from(descriptor.status.label).toString(), // lone surrogates become U+FFFD, as in any encoder
            requestsPerUnit: descriptor.status.limit.requests,
            unit: units.get(descriptor.status.limit.windowSeconds) ?? Unit.UNKNOWN,
          },
          limitRemaining: descriptor.status?.remaining ?? 0,
          durationUntilReset: hasReset(descriptor.status)
            ? { seconds: descriptor.status?.resetSeconds, nanos: 0 }
            : undefined,
        })),
      );
    }),
  );
});

it.each([
  ['token_bucket', { burst: 120 }, 120, Unit.UNKNOWN],
  ['token_bucket', { burst: 1 }, 1, Unit.SECOND],
  ['token_bucket', { burst: 60 }, 60, Unit.MINUTE],
  ['concurrency', {}, 60, Unit.UNKNOWN],
  ['fixed_window', {}, 60, Unit.MINUTE],
])('60 a minute, as a %s with %j, is told as %d requests and the unit %d', (algorithm, options, requests, unit) => {
  const descriptor = { overLimit: false, status: statusOf({ algorithm, ...options }, { remaining: requests }) };
  const verdict = verdictOf({ overLimit: false, source: 'memory', descriptors: [descriptor] });
  const response = RateLimitResponse.decode(encodeRateLimitResponse(verdict, 'all'));
  expect(response.statuses[0]?.currentLimit).toMatchObject({ requestsPerUnit: requests, unit });
});

function statusOf(written: object, stands: Partial<LimitStatus> = {}): LimitStatus {
  const limit = parseLimit({ name: 'x', requests: 60, window: '1m', ...written });
  if (!('identity' in limit)) throw new Error(JSON.stringify(limit));
  const rest = { exceeded: false, remaining: 0, resetSeconds: 0, retryAfterSeconds: undefined };
  return { rule: 'shop.x', label: 'shop.x', limit, ...rest, ...stands };
}

const told = (verdict: Judged, headers: 'all' | 'refused' = 'all') =>
  Object.fromEntries(
    RateLimitResponse.decode(encodeRateLimitResponse(verdict, headers)).responseHeadersToAdd.map(({ key, value }) => [
      key,
      value,
    ]),
  );

it('the headers of one limit are told right, whatever numbers came before', () => {
  const limit = statusOf({});
  const number = fc.oneof(fc.integer({ min: 0, max: 1200 }), fc.integer({ min: 0, max: 2 ** 46 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(number, number), { minLength: 1 }), (each) => {
      for (const [remaining, resetSeconds] of each) {
        const descriptor = { overLimit: false, status: { ...limit, remaining, resetSeconds } };
        expect(told(verdictOf({ overLimit: false, source: 'redis', descriptors: [descriptor] }))).toEqual({
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

it('the headers of several limits are told right, whichever is the tightest', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const known = names.map((name) => statusOf({ name }));
  const number = fc.oneof(fc.integer({ min: 0, max: 120 }), fc.integer({ min: 0, max: 2 ** 40 }));
  const answer = fc.array(fc.tuple(number, number), { minLength: 2, maxLength: names.length });
  fc.assert(
    fc.property(fc.array(answer, { minLength: 1 }), (answers) => {
      for (const numbers of answers) {
        const limits = numbers.map(([remaining, resetSeconds], place) => {
          return { ...(known[place] ?? statusOf({})), remaining, resetSeconds };
        });
        const each = limits.map((status) => ({ overLimit: false, status }));
        const least = tightestStatus(limits);
        expect(told(verdictOf({ overLimit: false, source: 'redis', descriptors: each }))).toEqual({
          'ratelimit-policy': limits.map(({ limit: { name } }) => `"${name}";q=60;w=60`).join(', '),
          ratelimit: numbers.map(([r, t], place) => `"${names[place]}";r=${r};t=${t}`).join(', '),
          'x-ratelimit-limit': '60',
          'x-ratelimit-remaining': `${least?.remaining}`,
          'x-ratelimit-reset': `${least?.resetSeconds}`,
        });
      }
    }),
  );
});

it('a refusal tells all limits and when to come back, the tightest one in the older headers', () => {
  const free = statusOf({ name: 'free', requests: 9 }, { remaining: 4, resetSeconds: 12 });
  const full = statusOf({}, { exceeded: true, resetSeconds: 7, retryAfterSeconds: 7 });
  const each = [free, full].map((status) => ({ overLimit: status.exceeded, status }));
  const verdict = verdictOf({ overLimit: true, source: 'redis', descriptors: each, retryAfterSeconds: 7 });
  for (const headers of ['all', 'refused'] as const) {
    expect(told(verdict, headers)).toEqual({
      'ratelimit-policy': '"free";q=9;w=60, "x";q=60;w=60',
      ratelimit: '"free";r=4;t=12, "x";r=0;t=7',
      'x-ratelimit-limit': '60',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '7',
      'retry-after': '7',
    });
  }
  const granted = verdictOf({ overLimit: false, source: 'redis', descriptors: each.slice(0, 1) });
  expect(told(granted, 'refused')).toEqual({});
});
