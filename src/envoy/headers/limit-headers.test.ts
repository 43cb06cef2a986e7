import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLimitName } from '../../domain/limits/limit-name.ts';
import type { UntrustedLimitSpec } from '../../domain/limits/limit-spec.ts';
import { parseLimit } from '../../domain/limits/parse-limit.ts';
import { OkHttpResponse } from '../../generated/envoy/service/auth/v3/external_auth.ts';
import { WireWriter } from '../wire/wire-writer.ts';
import { OVERWRITING_HEADERS } from './header-writer.ts';
import { writeLimitHeaders } from './limit-headers.ts';

const RESPONSE_HEADERS_TO_ADD = 6;

/** The headers that report a limit of 60 a minute with these changes. */
function reportLimit(spec: UntrustedLimitSpec, remaining: number): Record<string, string> {
  const limit = parseLimit({ name: 'x', requests: 60, window: '1m', ...spec });
  if (!('identity' in limit)) throw new Error(JSON.stringify(limit));
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
  writer.beginMessage();
  writeLimitHeaders(writer, OVERWRITING_HEADERS, RESPONSE_HEADERS_TO_ADD, { limits: [status] });
  const { responseHeadersToAdd } = OkHttpResponse.decode(writer.finishMessage());
  return Object.fromEntries(responseHeadersToAdd.map(({ header }) => [header?.key ?? '', header?.value ?? '']));
}

describe('writeLimitHeaders', () => {
  it.each<[UntrustedLimitSpec, string]>([
    [{}, '"x";q=60;w=60'],
    [{ algorithm: 'fixed_window' }, '"x";q=60;w=60'],
    [{ algorithm: 'calendar', window: '1mo' }, '"x";q=60;w=2592000'],
    [{ algorithm: 'token_bucket' }, '"x";q=60;w=60'],
    [{ algorithm: 'token_bucket', burst: 300 }, '"x";q=300;w=300'],
    [{ algorithm: 'token_bucket', requests: 7, burst: 3 }, '"x";q=3;w=26'],
    [{ algorithm: 'concurrency' }, '"x";q=60;qu="concurrent-requests"'],
  ])('reports 60 a minute with %j as the policy %s', (spec, policy) => {
    expect(reportLimit(spec, 0)['ratelimit-policy']).toBe(policy);
  });

  it('reports a token bucket’s limit as no less than what remains, and its rate as no higher than it is', () => {
    const integer = fc.integer({ min: 1, max: 90_000 });
    fc.assert(
      fc.property(integer, integer, integer, (requests, burst, window) => {
        const headers = reportLimit({ algorithm: 'token_bucket', requests, burst, window: `${window}s` }, burst);
        expect(Number(headers['x-ratelimit-limit'])).toBeGreaterThanOrEqual(Number(headers['x-ratelimit-remaining']));
        const [, quota, seconds] = /q=(\d+);w=(\d+)/.exec(headers['ratelimit-policy'] ?? '') ?? [];
        expect(Number(quota) * window).toBeLessThanOrEqual(Number(seconds) * requests);
      }),
    );
  });

  it.each([
    ['freeTier', '"freeTier"'],
    ['per user limit', '"per user limit"'],
    ['50% off', '"50% off"'],
    ['the "free" tier', '"the \\"free\\" tier"'],
    ['a\\b', '"a\\\\b"'],
    ['grüße, 50%', '"gr%C3%BC%C3%9Fe, 50%25"'],
  ])('quotes the name %s as %s', (name, quoted) => {
    const headers = reportLimit({ name }, 7);
    expect(headers['ratelimit-policy']).toBe(`${quoted};q=60;w=60`);
    expect(headers.ratelimit).toBe(`${quoted};r=7;t=0`);
  });

  it('writes every name as a valid string of a structured field', () => {
    const names = fc.string({ unit: 'binary', minLength: 1, maxLength: 255 });
    fc.assert(
      fc.property(names.filter(isLimitName), (name) => {
        const headers = reportLimit({ name }, 7);
        // RFC 9651, section 3.3.3.
        const string = /^"(?:[ !#-[\]-~]|\\["\\])*"/.exec(headers['ratelimit-policy'] ?? '')?.[0];
        expect(headers['ratelimit-policy']).toBe(`${string};q=60;w=60`);
        expect(headers.ratelimit).toBe(`${string};r=7;t=0`);
      }),
    );
  });
});
