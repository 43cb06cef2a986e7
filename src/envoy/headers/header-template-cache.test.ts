import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type LimitStatus, tightestStatus } from '../../domain/limit-status.ts';
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

function statuses(numbers: readonly (readonly [remaining: number, resetSeconds: number])[]): LimitStatus[] {
  return numbers.flatMap(([remaining, resetSeconds], place) => {
    const limit = LIMITS[place];
    const rest = { rule: 'x', label: 'x', exceeded: false, retryAfterSeconds: undefined };
    return limit === undefined ? [] : { ...rest, limit, remaining, resetSeconds };
  });
}

/** As Check tells them, which overwrites. */
function toldByCheck(limits: readonly LimitStatus[]) {
  const verdict = { kind: 'anonymous', question, limits, source: 'memory' } as const;
  const { httpResponse } = CheckResponse.decode(encodeCheckResponse(verdict, 'all'));
  if (httpResponse?.$case !== 'okResponse') throw new Error('it was refused');
  const { responseHeadersToAdd } = httpResponse.value;
  for (const option of responseHeadersToAdd) expect(option).toMatchObject({ append: false, appendAction: 2 });
  return Object.fromEntries(responseHeadersToAdd.map(({ header }) => [header?.key, header?.value]));
}

/** As the rate limit service tells them, which adds. */
function toldByRateLimit(limits: readonly LimitStatus[]) {
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
    'all',
  );
  const { responseHeadersToAdd } = RateLimitResponse.decode(response);
  return Object.fromEntries(responseHeadersToAdd.map(({ key, value }) => [key, value]));
}

it('the headers of limits are told right, whatever numbers came before and whoever tells them', () => {
  const number = fc.oneof(fc.integer({ min: 0, max: 120 }), fc.integer({ min: 0, max: 2 ** 40 }));
  const answer = fc.array(fc.tuple(number, number), { minLength: 1, maxLength: NAMES.length });
  fc.assert(
    fc.property(fc.array(answer, { minLength: 1 }), (answers) => {
      for (const numbers of answers) {
        const limits = statuses(numbers);
        const least = tightestStatus(limits);
        const expected = {
          'ratelimit-policy': limits.map(({ limit: { name } }) => `"${name}";q=60;w=60`).join(', '),
          ratelimit: numbers.map(([r, t], place) => `"${NAMES[place]}";r=${r};t=${t}`).join(', '),
          'x-ratelimit-limit': '60',
          'x-ratelimit-remaining': `${least?.remaining}`,
          'x-ratelimit-reset': `${least?.resetSeconds}`,
        };
        expect(toldByCheck(limits)).toEqual(expected);
        expect(toldByRateLimit(limits)).toEqual(expected);
      }
    }),
  );
});
