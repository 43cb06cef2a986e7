import { describe, expect, it } from 'vitest';
import { RECEIPT_KEYS } from '../../../test/support/receipt-keys.ts';
import { UNRESTRICTED } from '../../domain/account-state.ts';
import { NO_POLICY } from '../../domain/credentials/api-key-policy.ts';
import type { DomainRules, RuleBook } from '../../domain/rules/rule-book.ts';
import { decodeRateLimitRequest } from '../../envoy/rate-limit/rate-limit-request.ts';
import { InvalidRequest } from '../../envoy/wire/decode-message.ts';
import { RateLimitRequest } from '../../generated/envoy/service/ratelimit/v3/rls.ts';
import { parseRules } from '../../rules/parse/parse-rules.ts';
import type { Catalog } from '../ports.ts';
import { PreparedRateLimitCache } from './prepared-rate-limit-cache.ts';

const catalog: Catalog = {
  keyBySecret: () => undefined,
  hasImportedKeys: false,
  importedKeyBySecret: () => undefined,
  key: () => undefined,
  account: () => undefined,
  plan: () => undefined,
  trust: { issuers: [], keys: [] },
  isRevoked: () => false,
  isTooStale: false,
  ...RECEIPT_KEYS,
};

function makeBook(requests: number): RuleBook {
  const text = `domain: shop\ndescriptors: [{key: user, rate_limit: {requests: ${requests}, window: 1m}}]`;
  const rules = parseRules('test.yaml', text);
  if (!('root' in rules)) throw new Error('the test’s own rules have faults');
  return new Map<string, DomainRules>([[rules.domain, rules.root]]);
}

function encodeRequest(domain: string, key: string, value: string): Uint8Array {
  return RateLimitRequest.encode(
    RateLimitRequest.fromPartial({ domain, descriptors: [{ entries: [{ key, value }] }] }),
  ).finish();
}

function createCache(rules: { readonly book: RuleBook }, plans = catalog): PreparedRateLimitCache {
  return new PreparedRateLimitCache(decodeRateLimitRequest, rules, plans);
}

/** Returns what a request charges each time it comes, in a buffer that is overwritten afterwards. */
function prepareRepeatedly(cache: PreparedRateLimitCache, message: Uint8Array, times: number) {
  const buffer = Buffer.alloc(message.length);
  return Array.from({ length: times }, () => {
    buffer.set(message);
    const { charges } = cache.prepare(buffer, 0);
    buffer.fill(0);
    return charges.map(({ subject, limit, hits }) => `${subject} ${limit.requests} ${hits}`);
  });
}

describe('a rate limit request that repeats', () => {
  it('charges what it charged before, and no other client', () => {
    const cache = createCache({ book: makeBook(5) });
    for (let round = 0; round < 3; round++) {
      for (const user of ['ann', 'bob', 'eve']) {
        expect(prepareRepeatedly(cache, encodeRequest('shop', 'user', user), 2)).toEqual([
          [`rule|shop|user|${user} 5 1`],
          [`rule|shop|user|${user} 5 1`],
        ]);
      }
    }
  });

  it('is the same prepared decision from the third time on', () => {
    const cache = createCache({ book: makeBook(5) });
    const [, second, third, fourth] = [0, 1, 2, 3].map((now) =>
      cache.prepare(encodeRequest('shop', 'user', 'ann'), now),
    );
    expect(third).toBe(second);
    expect(fourth).toBe(second);
  });

  it('lets the store keep a handle on its charges from the second time on', () => {
    const cache = createCache({ book: makeBook(5) });
    const handles = [0, 1].map(
      (now) => cache.prepare(encodeRequest('shop', 'user', 'ann'), now).charges[0]?.storeHandle,
    );
    expect(handles).toEqual([undefined, null]);
  });

  it('is charged by the current rules', () => {
    const rules = { book: makeBook(5) };
    const cache = createCache(rules);
    prepareRepeatedly(cache, encodeRequest('shop', 'user', 'ann'), 4);
    rules.book = makeBook(7);
    expect(prepareRepeatedly(cache, encodeRequest('shop', 'user', 'ann'), 4).flat()).toEqual(
      Array(4).fill('rule|shop|user|ann 7 1'),
    );
  });

  it('is decided by the current plans and keys', () => {
    const key = {
      id: 'k',
      counterId: 'k',
      accountId: 'a',
      planId: 'p',
      policy: NO_POLICY,
      accountState: UNRESTRICTED,
      expiresAt: undefined,
    };
    let disabled = false;
    const plans: Catalog = {
      ...catalog,
      key: () => ({ ...key, disabled }),
      plan: (id) => ({ id, limits: [], features: [] }),
    };
    const cache = createCache({ book: makeBook(5) }, plans);
    const verdict = () => cache.prepare(encodeRequest('plans', 'api_key', 'k'), 0).conclude(undefined);
    for (let time = 0; time < 3; time++) expect(verdict()).toMatchObject({ overLimit: false });
    disabled = true;
    expect(verdict()).toMatchObject({ overLimit: true });
  });

  it('redeems a receipt each time', () => {
    const cache = createCache({ book: makeBook(5) });
    const descriptors = [{ entries: [{ key: 'receipt', value: 'r' }], isNegativeHits: true }];
    const message = RateLimitRequest.encode(RateLimitRequest.fromPartial({ domain: 'shop', descriptors })).finish();
    expect(new Set(Array.from({ length: 4 }, () => cache.prepare(message, 0))).size).toBe(4);
  });

  it('is rejected each time if it cannot be decoded', () => {
    const cache = createCache({ book: makeBook(5) });
    for (let time = 0; time < 4; time++) {
      expect(() => cache.prepare(encodeRequest('', 'user', 'ann'), 0)).toThrow(InvalidRequest);
    }
  });
});
