import { describe, expect, it } from 'vitest';
import { NO_POLICY } from '../../domain/credentials/api-key-policy.ts';
import { parseRules } from '../../rules/parse/parse-rules.ts';
import { type Catalog, type KeyRecord, type Outcome, StoreUnavailable } from '../ports.ts';
import { prepareRateLimit } from './prepare-rate-limit.ts';

const NOW = Date.UTC(2026, 0, 1);
const rules = parseRules(
  'test.yaml',
  `
domain: shop
descriptors:
  - key: path
    rate_limit: {requests: 3, window: 30s}
  - key: user
    rate_limit: {requests: 9, window: 1m}
  - key: tried
    shadow_mode: true
    limits: [{requests: 1, window: 1m}, {requests: 2, window: 1h}]
  - key: read
    rate_limit: {requests: 5, window: 1s, name: specific}
  - key: better
    rate_limit: {requests: 10, window: 1s, replaces: [{name: specific}, {name: day}]}
  - key: tried-better
    shadow_mode: true
    rate_limit: {requests: 10, window: 1s, replaces: [{name: specific}]}
  - key: file
    value: /files/*
    share_threshold: true
    rate_limit: {requests: 10, window: 1s}
`,
);
if (!('root' in rules)) throw new Error('faults in the test’s own rules');
const book = new Map([[rules.domain, rules.root]]);

const limit = {
  name: 'day',
  algorithm: 'calendar',
  unit: 'day',
  requests: 7,
  windowSeconds: 86_400,
  identity: 'day',
} as const;
const keys: readonly KeyRecord[] = [
  {
    id: 'good',
    counterId: 'good',
    accountId: 'a1',
    planId: 'team',
    conditions: NO_POLICY,
    disabled: false,
    expiresAt: undefined,
  },
  {
    id: 'disabled',
    counterId: 'disabled',
    accountId: 'a1',
    planId: 'team',
    conditions: NO_POLICY,
    disabled: true,
    expiresAt: undefined,
  },
  {
    id: 'expired',
    counterId: 'expired',
    accountId: 'a1',
    planId: 'team',
    conditions: NO_POLICY,
    disabled: false,
    expiresAt: NOW,
  },
  {
    id: 'orphan',
    counterId: 'orphan',
    accountId: 'a1',
    planId: 'gone',
    conditions: NO_POLICY,
    disabled: false,
    expiresAt: undefined,
  },
];
const catalog: Catalog = {
  keyOfSecret: () => undefined,
  key: (id) => keys.find((key) => key.id === id),
  account: (id) => (id === 'a1' ? { id, planId: 'team' } : undefined),
  plan: (id) => (id === 'team' ? { id, limits: [limit], features: [] } : undefined),
  trust: { issuers: [], keys: [] },
  isRevoked: () => false,
  isTooStale: false,
};

function consider(domain: string, ...descriptors: [key: string, value: string, hits?: number][]) {
  const asked = descriptors.map(([key, value, hits = 1]) => ({ entries: [{ key, value }], hits, isRefund: false }));
  return prepareRateLimit({ domain, descriptors: asked }, book, catalog, NOW);
}

const charged = (exceeded: boolean) => ({
  exceeded,
  remaining: 2,
  resetAfter: 1,
  freeAt: 0,
  retryAfter: exceeded ? 1 : undefined,
  blockedFor: undefined,
});
const outcome = (...charges: Outcome['charges']): Outcome => ({
  granted: charges.every(({ exceeded }) => !exceeded),
  source: 'redis',
  charges,
});

describe('ShouldRateLimit', () => {
  it('passes an unknown domain and a descriptor without a rule, with one status each', () => {
    for (const consideration of [consider('other', ['a', 'b']), consider('shop', ['a', 'b'])]) {
      expect(consideration.charges).toEqual([]);
      const descriptors = [{ overLimit: false, status: undefined }];
      expect(consideration.conclude(undefined)).toMatchObject({ overLimit: false, descriptors });
    }
  });

  it('charges all descriptors as one decision, each value of a key for itself', () => {
    expect(consider('shop', ['path', '/a'], ['x', 'y'], ['user', 'u|1', 4]).charges).toMatchObject([
      { subject: 'rule|shop|path|/a', hits: 1, limit: { requests: 3 } },
      { subject: 'rule|shop|user|u%7C1', hits: 4, limit: { requests: 9 } },
    ]);
  });

  it('answers 1:1, and only the refusing descriptor is over its limit', () => {
    const consideration = consider('shop', ['path', '/a'], ['x', 'y'], ['user', 'u1']);
    const verdict = consideration.conclude(outcome(charged(false), charged(true)));
    expect(verdict).toMatchObject({
      overLimit: true,
      source: 'redis',
      descriptors: [
        { overLimit: false, status: { label: 'shop.path' } },
        { overLimit: false, status: undefined },
        { overLimit: true, status: { label: 'shop.user' } },
      ],
    });
  });

  it('tells of a shadow apart, each rule by itself, and answers OK for it', () => {
    const consideration = consider('shop', ['tried', 'a'], ['user', 'u1'], ['tried', 'b', 0], ['tried-better', 'c']);
    expect(consideration.charges).toMatchObject([{ subject: 'rule|shop|user|u1' }]);
    expect(consideration.shadows).toMatchObject([
      { rule: 'shop.tried', charges: [{ subject: 'rule|shop|tried|a', hits: 1 }, { limit: { requests: 2 } }] },
      { rule: 'shop.tried-better' },
    ]);
    const ok = { overLimit: false, status: undefined };
    expect(consideration.conclude(outcome(charged(false)))).toMatchObject({
      overLimit: false,
      descriptors: [ok, { overLimit: false, status: { label: 'shop.user' } }, ok, ok],
    });
  });

  it.each([
    [
      'before',
      [
        ['read', 'a'],
        ['better', 'b'],
      ],
    ],
    [
      'behind',
      [
        ['better', 'b'],
        ['read', 'a'],
      ],
    ],
  ] as const)('does not charge a limit that another one replaces, when it stands %s it', (_, asked) => {
    const consideration = consider('shop', ...asked.map(([key, value]): [string, string] => [key, value]));
    expect(consideration.charges).toMatchObject([{ subject: 'rule|shop|better|b' }]);
    const labels = asked.map(([key]) =>
      key === 'better' ? { status: { label: 'shop.better' } } : { status: undefined },
    );
    expect(consideration.conclude(outcome(charged(true)))).toMatchObject({ overLimit: true, descriptors: labels });
    expect(consider('shop', ['read', 'a']).charges).toHaveLength(1);
    expect(consider('shop', ['read', 'a'], ['tried-better', 'b']).charges).toEqual([]);
  });

  it('counts values that share a limit as one', () => {
    const subjects = ['/files/a', '/files/b'].map((value) => consider('shop', ['file', value]).charges[0]?.subject);
    expect(subjects).toEqual(['rule|shop|file|/files/*', 'rule|shop|file|/files/*']);
  });

  it('cannot answer when the counters cannot tell', () => {
    expect(consider('shop', ['path', '/a']).conclude(new StoreUnavailable('away'))).toEqual({
      kind: 'unavailable',
      away: 'counters',
    });
  });

  it('gives nothing back without a receipt', () => {
    const descriptors = [{ entries: [{ key: 'path', value: '/a' }], hits: 1, isRefund: true }];
    const consideration = prepareRateLimit({ domain: 'shop', descriptors }, book, catalog, NOW);
    expect(consideration.charges).toEqual([]);
    expect(consideration.conclude(undefined)).toMatchObject({ overLimit: false });
  });
});

describe('the domain plans', () => {
  it('charges every identity of a descriptor, and refuses when one of them may not pass', () => {
    const asked = (key: string) => {
      const entries = [
        { key: 'account', value: 'a1' },
        { key: 'api_key', value: key },
      ];
      const descriptors = [{ entries, hits: 1, isRefund: false }];
      return prepareRateLimit({ domain: 'plans', descriptors }, book, catalog, NOW);
    };
    expect(asked('good').charges).toMatchObject([{ subject: 'account|a1' }, { subject: 'key|good' }]);
    expect(asked('good').conclude(outcome(charged(false), charged(true)))).toMatchObject({
      overLimit: true,
      descriptors: [{ overLimit: true }],
    });
    expect(asked('disabled').conclude(undefined)).toMatchObject({
      overLimit: true,
      descriptors: [{ overLimit: true }],
    });
  });

  it.each([
    ['api_key', 'good', 'key|good'],
    ['api_key', 'apiKeys/good', 'key|good'],
    ['account', 'a1', 'account|a1'],
    ['account', 'accounts/a1', 'account|a1'],
  ])('counts %s %s against its plan, for %s', (key, value, subject) => {
    expect(consider('plans', [key, value]).charges).toMatchObject([{ subject, limit: { name: 'day' } }]);
  });

  it.each([
    ['api_key', 'unknown'],
    ['api_key', ''],
    ['api_key', 'disabled'],
    ['api_key', 'expired'],
    ['api_key', 'orphan'],
    ['account', 'unknown'],
  ])('is over the limit for %s "%s", and charges nothing else of the request', (key, value) => {
    const consideration = consider('plans', ['api_key', 'good'], [key, value]);
    expect(consideration.charges).toEqual([]);
    const descriptors = [{ overLimit: false }, { overLimit: true }];
    expect(consideration.conclude(undefined)).toMatchObject({ overLimit: true, descriptors });
  });
});
