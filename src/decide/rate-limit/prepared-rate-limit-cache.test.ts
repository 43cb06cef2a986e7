import { describe, expect, it } from 'vitest';
import type { Catalog } from '../ports.ts';
import { NO_POLICY } from '../../domain/credentials/api-key-policy.ts';
import type { DomainRules, RuleBook } from '../../domain/rules/rule-book.ts';
import { RateLimitRequest } from '../../generated/envoy/service/ratelimit/v3/rls.ts';
import { parseRules } from '../../rules/parse/parse-rules.ts';
import { InvalidRequest } from '../../envoy/wire/decode-message.ts';
import { PreparedRateLimitCache } from './prepared-rate-limit-cache.ts';

const catalog: Catalog = {
  keyOfSecret: () => undefined,
  key: () => undefined,
  account: () => undefined,
  plan: () => undefined,
  trust: { issuers: [], keys: [] },
  isRevoked: () => false,
  isTooStale: false,
};

function bookOf(requests: number): RuleBook {
  const text = `domain: shop\ndescriptors: [{key: user, rate_limit: {requests: ${requests}, window: 1m}}]`;
  const rules = parseRules('test.yaml', text);
  if (!('root' in rules)) throw new Error('faults in the test’s own rules');
  return new Map<string, DomainRules>([[rules.domain, rules.root]]);
}

function message(domain: string, key: string, value: string): Uint8Array {
  return RateLimitRequest.encode(
    RateLimitRequest.fromPartial({ domain, descriptors: [{ entries: [{ key, value }] }] }),
  ).finish();
}

/** What is charged for a request that comes several times, each time in a buffer that is overwritten afterwards. */
function chargesOf(known: PreparedRateLimitCache, sent: Uint8Array, times: number) {
  const buffer = Buffer.alloc(sent.length);
  return Array.from({ length: times }, () => {
    buffer.set(sent);
    const { charges } = known.prepare(buffer, 0);
    buffer.fill(0);
    return charges.map(({ subject, limit, hits }) => `${subject} ${limit.requests} ${hits}`);
  });
}

describe('a rate limit request that comes again', () => {
  it('charges what it did, and no other client', () => {
    const known = new PreparedRateLimitCache({ book: bookOf(5) }, catalog);
    for (let round = 0; round < 3; round++) {
      for (const user of ['ann', 'bob', 'eve']) {
        expect(chargesOf(known, message('shop', 'user', user), 2)).toEqual([
          [`rule|shop|user|${user} 5 1`],
          [`rule|shop|user|${user} 5 1`],
        ]);
      }
    }
  });

  it('is the same consideration from the third time on', () => {
    const known = new PreparedRateLimitCache({ book: bookOf(5) }, catalog);
    const [, second, third, fourth] = [0, 1, 2, 3].map((now) => known.prepare(message('shop', 'user', 'ann'), now));
    expect(third).toBe(second);
    expect(fourth).toBe(second);
  });

  it('is counted by the rules that are there now', () => {
    const rules = { book: bookOf(5) };
    const known = new PreparedRateLimitCache(rules, catalog);
    chargesOf(known, message('shop', 'user', 'ann'), 4);
    rules.book = bookOf(7);
    expect(chargesOf(known, message('shop', 'user', 'ann'), 4).flat()).toEqual(Array(4).fill('rule|shop|user|ann 7 1'));
  });

  it('is refused by the plans as they are now', () => {
    const key = {
      id: 'k',
      counterId: 'k',
      accountId: 'a',
      planId: 'p',
      conditions: NO_POLICY,
      expiresAt: undefined,
    };
    let disabled = false;
    const plans: Catalog = {
      ...catalog,
      key: () => ({ ...key, disabled }),
      plan: (id) => ({ id, limits: [], features: [] }),
    };
    const known = new PreparedRateLimitCache({ book: bookOf(5) }, plans);
    const asked = () => known.prepare(message('plans', 'api_key', 'k'), 0).conclude(undefined);
    for (let time = 0; time < 3; time++) expect(asked()).toMatchObject({ overLimit: false });
    disabled = true;
    expect(asked()).toMatchObject({ overLimit: true });
  });

  it('gives back each time', () => {
    const known = new PreparedRateLimitCache({ book: bookOf(5) }, catalog);
    const descriptors = [{ entries: [{ key: 'receipt', value: 'r' }], isNegativeHits: true }];
    const sent = RateLimitRequest.encode(RateLimitRequest.fromPartial({ domain: 'shop', descriptors })).finish();
    expect(new Set(Array.from({ length: 4 }, () => known.prepare(sent, 0))).size).toBe(4);
  });

  it('is refused each time where it cannot be read', () => {
    const known = new PreparedRateLimitCache({ book: bookOf(5) }, catalog);
    for (let time = 0; time < 4; time++)
      expect(() => known.prepare(message('', 'user', 'ann'), 0)).toThrow(InvalidRequest);
  });
});
