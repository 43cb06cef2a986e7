import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LimitStatus, tightestStatus } from '../../domain/limits/limit-status.ts';
import { parseLimit } from '../../domain/limits/parse-limit.ts';
import { CheckResponse } from '../../generated/envoy/service/auth/v3/external_auth.ts';
import { RateLimitResponse } from '../../generated/envoy/service/ratelimit/v3/rls.ts';
import { decodeCheckRequest } from '../check/check-request.ts';
import { encodeCheckResponse } from '../check/check-response.ts';
import { encodeRateLimitResponse } from '../rate-limit/rate-limit-response.ts';

const question = decodeCheckRequest(new Uint8Array());
const NAMES = ['a', 'b', 'c', 'd', 'e'];
const LIMITS = NAMES.map((name) => {
  const limit = parseLimit({ name, requests: 60, window: '1m' });
  if (!('identity' in limit)) throw new Error(JSON.stringify(limit));
  return limit;
});

function makeStatuses(numbers: readonly (readonly [remaining: number, resetSeconds: number])[]): LimitStatus[] {
  return numbers.flatMap(([remaining, resetSeconds], index) => {
    const limit = LIMITS[index];
    const rest = { rule: 'x', label: 'x', exceeded: false, retryAfterSeconds: undefined };
    return limit === undefined ? [] : { ...rest, limit, remaining, resetSeconds };
  });
}

/** The headers in a CheckResponse, where they must overwrite. */
function reportByCheck(limits: readonly LimitStatus[]) {
  const verdict = { kind: 'anonymous', question, limits, source: 'memory' } as const;
  const { httpResponse } = CheckResponse.decode(
    encodeCheckResponse(verdict, { rateLimitHeaders: 'all', checkErrors: 'deny' }),
  );
  if (httpResponse?.$case !== 'okResponse') throw new Error('the request was denied');
  const { responseHeadersToAdd } = httpResponse.value;
  for (const option of responseHeadersToAdd) expect(option).toMatchObject({ append: false, appendAction: 2 });
  return Object.fromEntries(responseHeadersToAdd.map(({ header }) => [header?.key, header?.value]));
}

/** The headers in a RateLimitResponse. */
function reportByRateLimit(limits: readonly LimitStatus[], mode: 'all' | 'auto') {
  const response = encodeRateLimitResponse(
    {
      kind: 'rate_limit',
      overLimit: false,
      source: 'memory',
      descriptors: [],
      limits,
      deciding: tightestStatus(limits),
      retryAfterSeconds: undefined,
      receipt: undefined,
      candidates: [],
      metadata: [],
    },
    mode,
  );
  const { responseHeadersToAdd } = RateLimitResponse.decode(response);
  return Object.fromEntries(responseHeadersToAdd.map(({ key, value }) => [key, value]));
}

describe('headers from templates', () => {
  it('have the right numbers in both services, after any sequence of other numbers', () => {
    const number = fc.oneof(fc.integer({ min: 0, max: 120 }), fc.integer({ min: 0, max: 2 ** 40 }));
    const answer = fc.array(fc.tuple(number, number), { minLength: 1, maxLength: NAMES.length });
    fc.assert(
      fc.property(fc.array(answer, { minLength: 1 }), (answers) => {
        for (const numbers of answers) {
          const limits = makeStatuses(numbers);
          const tightest = tightestStatus(limits);
          const current = {
            'ratelimit-policy': limits.map(({ limit: { name } }) => `"${name}";q=60;w=60`).join(', '),
            ratelimit: numbers.map(([r, t], index) => `"${NAMES[index]}";r=${r};t=${t}`).join(', '),
          };
          const expected = {
            ...current,
            'x-ratelimit-limit': '60',
            'x-ratelimit-remaining': `${tightest?.remaining}`,
            'x-ratelimit-reset': `${tightest?.resetSeconds}`,
          };
          expect(reportByCheck(limits)).toEqual(expected);
          expect(reportByRateLimit(limits, 'all')).toEqual(expected);
          expect(reportByRateLimit(limits, 'auto')).toEqual(current);
        }
      }),
    );
  });
});
