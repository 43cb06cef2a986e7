import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import type { UntrustedLimitSpec } from '../../domain/limits/limit-spec.ts';
import { parseLimit } from '../../domain/limits/parse-limit.ts';
import { OkHttpResponse } from '../../generated/envoy/service/auth/v3/external_auth.ts';
import { WireWriter } from '../wire/wire-writer.ts';
import { OVERWRITING } from './header-writer.ts';
import { writeRateLimitHeaders } from './limit-headers.ts';

const RESPONSE_HEADERS_TO_ADD = 6;

function told(written: UntrustedLimitSpec, remaining: number): Record<string, string> {
  const limit = parseLimit({ name: 'x', requests: 60, window: '1m', ...written });
  if (!('identity' in limit)) throw new Error(JSON.stringify(limit));
  return toldOf(limit, remaining);
}

function toldOf(limit: CountedLimit, remaining: number): Record<string, string> {
  const status = {
    rule: 'x',
    label: 'x',
    limit,
    exceeded: false,
    remaining,
    resetSeconds: 0,
    retryAfterSeconds: undefined,
  };
  const writer = new WireWriter();
  writer.begin();
  writeRateLimitHeaders(writer, OVERWRITING, RESPONSE_HEADERS_TO_ADD, { limits: [status] });
  const { responseHeadersToAdd } = OkHttpResponse.decode(writer.finish());
  return Object.fromEntries(responseHeadersToAdd.map(({ header }) => [header?.key ?? '', header?.value ?? '']));
}

it.each<[UntrustedLimitSpec, string]>([
  [{}, '"x";q=60;w=60'],
  [{ algorithm: 'fixed_window' }, '"x";q=60;w=60'],
  [{ algorithm: 'calendar', window: '1mo' }, '"x";q=60;w=2592000'],
  [{ algorithm: 'token_bucket' }, '"x";q=60;w=60'],
  [{ algorithm: 'token_bucket', burst: 300 }, '"x";q=300;w=300'],
  [{ algorithm: 'token_bucket', requests: 7, burst: 3 }, '"x";q=3;w=26'],
  [{ algorithm: 'concurrency' }, '"x";q=60;qu="concurrent-requests"'],
])('%j has the policy %s', (written, policy) => expect(told(written, 0)['ratelimit-policy']).toBe(policy));

it('of a token bucket never less is told as the limit than remains, and never a higher rate than it has', () => {
  const whole = fc.integer({ min: 1, max: 90_000 });
  fc.assert(
    fc.property(whole, whole, whole, (requests, burst, window) => {
      const headers = told({ algorithm: 'token_bucket', requests, burst, window: `${window}s` }, burst);
      expect(Number(headers['x-ratelimit-limit'])).toBeGreaterThanOrEqual(Number(headers['x-ratelimit-remaining']));
      const [, quota, seconds] = /q=(\d+);w=(\d+)/.exec(headers['ratelimit-policy'] ?? '') ?? [];
      expect(Number(quota) * window).toBeLessThanOrEqual(Number(seconds) * requests);
    }),
  );
});
