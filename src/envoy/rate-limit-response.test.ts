import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseLimit } from '../core/parse-limit.ts';
import {
  RateLimitResponse_Code as Code,
  RateLimitResponse,
  RateLimitResponse_RateLimit_Unit as Unit,
} from '../generated/envoy/service/ratelimit/v3/rls.ts';
import { encodeRateLimitResponse } from './rate-limit-response.ts';

const count = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const status = fc.record({
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
const sources = fc.constantFrom('memory', 'redis', 'fail-local');
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

/** Not where a retry would never fit: Envoy would promise one. */
const hasReset = (status?: { exceeded: boolean; retryAfterSeconds: number | undefined }) =>
  status !== undefined && (!status.exceeded || status.retryAfterSeconds !== undefined);

it('a RateLimitResponse says 1:1 what became of each descriptor, and who decided; a window without a unit is UNKNOWN', () => {
  fc.assert(
    fc.property(descriptors, fc.boolean(), sources, receipts, (each, overLimit, source, receipt) => {
      const bytes = encodeRateLimitResponse({ kind: 'rate_limit', overLimit, source, descriptors: each, receipt });
      const response = RateLimitResponse.decode(bytes);
      expect(response.dynamicMetadata).toEqual(receipt === undefined ? { source } : { source, receipt });
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
  const limit = parseLimit({ name: 'x', requests: 60, window: '1m', algorithm, ...options });
  if (!('identity' in limit)) throw new Error(JSON.stringify(limit));
  const told = {
    label: 'x',
    limit,
    exceeded: false,
    remaining: requests,
    resetSeconds: 0,
    retryAfterSeconds: undefined,
  };
  const bytes = encodeRateLimitResponse({
    kind: 'rate_limit',
    overLimit: false,
    source: 'memory',
    descriptors: [{ overLimit: false, status: told }],
    receipt: undefined,
  });
  expect(RateLimitResponse.decode(bytes).statuses[0]?.currentLimit).toMatchObject({ requestsPerUnit: requests, unit });
});
