import { describe, expect, it } from 'vitest';
import { RECEIPT_KEYS } from '../../../test/support/receipt-keys.ts';
import { type AccountRecord, UNRESTRICTED } from '../../domain/account-state.ts';
import { NO_POLICY } from '../../domain/credentials/api-key-policy.ts';
import { parseRules } from '../../rules/parse/parse-rules.ts';
import { type Catalog, type ChargeOutcome, type KeyRecord, type Outcome, StoreUnavailable } from '../ports.ts';
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
if (!('root' in rules)) throw new Error('the test’s own rules have faults');
const book = new Map([[rules.domain, rules.root]]);

const limit = {
  name: 'day',
  algorithm: 'calendar',
  unit: 'day',
  requests: 7,
  windowSeconds: 86_400,
  identity: 'day',
} as const;
const good: KeyRecord = {
  id: 'good',
  counterId: 'good',
  accountId: 'a1',
  planId: 'team',
  policy: NO_POLICY,
  disabled: false,
  accountState: UNRESTRICTED,
  expiresAt: undefined,
};
const accounts: readonly AccountRecord[] = [
  { id: 'a1', planId: 'team', ...UNRESTRICTED },
  { id: 'orphan', planId: 'gone', ...UNRESTRICTED },
  { id: 'disabled', planId: 'team', disabled: true, blockEndsAt: NOW + 60_000 },
  { id: 'blocked', planId: 'team', disabled: false, blockEndsAt: NOW + 29_001 },
  { id: 'unblocked', planId: 'team', disabled: false, blockEndsAt: NOW },
];
const keys: readonly KeyRecord[] = [
  good,
  { ...good, id: 'disabled', disabled: true },
  { ...good, id: 'expired', expiresAt: NOW },
  { ...good, id: 'orphan', planId: 'gone' },
  ...accounts.slice(2).map(({ id, disabled, blockEndsAt }) => {
    return { ...good, id: `of-${id}`, accountId: id, accountState: { disabled, blockEndsAt } };
  }),
];
const catalog: Catalog = {
  keyBySecret: () => undefined,
  hasImportedKeys: false,
  importedKeyBySecret: () => undefined,
  key: (id) => keys.find((key) => key.id === id),
  account: (id) => accounts.find((account) => account.id === id),
  plan: (id) => (id === 'team' ? { id, limits: [limit], features: [] } : undefined),
  trust: { issuers: [], keys: [] },
  isRevoked: () => false,
  isTooStale: false,
  ...RECEIPT_KEYS,
};

function prepare(domain: string, ...descriptors: [key: string, value: string, hits?: number][]) {
  const question = descriptors.map(([key, value, hits = 1]) => ({ entries: [{ key, value }], hits, isRefund: false }));
  return prepareRateLimit({ domain, descriptors: question }, book, catalog, NOW);
}

function makeChargeOutcome(exceeded: boolean): ChargeOutcome {
  const retryAfter = exceeded ? 1 : undefined;
  return { exceeded, remaining: 2, resetAfter: 1, freeAt: 0, retryAfter, blockedFor: undefined };
}

function makeOutcome(...charges: Outcome['charges']): Outcome {
  return { granted: charges.every(({ exceeded }) => !exceeded), source: 'redis', charges };
}

describe('ShouldRateLimit', () => {
  it('grants an unknown domain and a descriptor that no rule matches, with one status each', () => {
    for (const prepared of [prepare('other', ['a', 'b']), prepare('shop', ['a', 'b'])]) {
      expect(prepared.charges).toEqual([]);
      const descriptors = [{ overLimit: false, status: undefined }];
      expect(prepared.conclude(undefined)).toMatchObject({ overLimit: false, descriptors });
    }
  });

  it('charges all descriptors as one decision, and counts each value of a key on its own', () => {
    expect(prepare('shop', ['path', '/a'], ['x', 'y'], ['user', 'u|1', 4]).charges).toMatchObject([
      { subject: 'rule|shop|path|/a', hits: 1, limit: { requests: 3 } },
      { subject: 'rule|shop|user|u%7C1', hits: 4, limit: { requests: 9 } },
    ]);
  });

  it('answers each descriptor, and only the one that rejects is over its limit', () => {
    const prepared = prepare('shop', ['path', '/a'], ['x', 'y'], ['user', 'u1']);
    const verdict = prepared.conclude(makeOutcome(makeChargeOutcome(false), makeChargeOutcome(true)));
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

  it('keeps shadows apart, each rule on its own, and answers OK for them', () => {
    const prepared = prepare('shop', ['tried', 'a'], ['user', 'u1'], ['tried', 'b', 0], ['tried-better', 'c']);
    expect(prepared.charges).toMatchObject([{ subject: 'rule|shop|user|u1' }]);
    expect(prepared.shadows).toMatchObject([
      { rule: 'shop.tried', charges: [{ subject: 'rule|shop|tried|a', hits: 1 }, { limit: { requests: 2 } }] },
      { rule: 'shop.tried-better' },
    ]);
    const ok = { overLimit: false, status: undefined };
    expect(prepared.conclude(makeOutcome(makeChargeOutcome(false)))).toMatchObject({
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
      'after',
      [
        ['better', 'b'],
        ['read', 'a'],
      ],
    ],
  ] as const)('does not charge a limit that another rule replaces, if it comes %s that rule', (_, descriptors) => {
    const prepared = prepare('shop', ...descriptors.map(([key, value]): [string, string] => [key, value]));
    expect(prepared.charges).toMatchObject([{ subject: 'rule|shop|better|b' }]);
    const labels = descriptors.map(([key]) =>
      key === 'better' ? { status: { label: 'shop.better' } } : { status: undefined },
    );
    expect(prepared.conclude(makeOutcome(makeChargeOutcome(true)))).toMatchObject({
      overLimit: true,
      descriptors: labels,
    });
    expect(prepare('shop', ['read', 'a']).charges).toHaveLength(1);
    expect(prepare('shop', ['read', 'a'], ['tried-better', 'b']).charges).toEqual([]);
  });

  it('counts values that share a limit together', () => {
    const subjects = ['/files/a', '/files/b'].map((value) => prepare('shop', ['file', value]).charges[0]?.subject);
    expect(subjects).toEqual(['rule|shop|file|/files/*', 'rule|shop|file|/files/*']);
  });

  it('is over the limit, for a second, if the counters are unavailable and nobody else may decide', () => {
    const verdict = prepare('shop', ['path', '/a']).conclude(new StoreUnavailable('unreachable'));
    expect(verdict).toMatchObject({ overLimit: true, source: 'fail-deny', retryAfterSeconds: 1, limits: [] });
    if (verdict.kind === 'unavailable') throw new Error('the verdict must be a decision');
    expect(verdict.descriptors).toMatchObject([
      { overLimit: true, status: { exceeded: true, remaining: 0, retryAfterSeconds: 1 } },
    ]);
  });

  it('refunds nothing without a receipt', () => {
    const descriptors = [{ entries: [{ key: 'path', value: '/a' }], hits: 1, isRefund: true }];
    const prepared = prepareRateLimit({ domain: 'shop', descriptors }, book, catalog, NOW);
    expect(prepared.charges).toEqual([]);
    expect(prepared.conclude(undefined)).toMatchObject({ overLimit: false });
  });
});

describe('the domain plans', () => {
  it('charges every identity of a descriptor, and rejects if one of them must not pass', () => {
    const prepareWith = (key: string) => {
      const entries = [
        { key: 'account', value: 'a1' },
        { key: 'api_key', value: key },
      ];
      const descriptors = [{ entries, hits: 1, isRefund: false }];
      return prepareRateLimit({ domain: 'plans', descriptors }, book, catalog, NOW);
    };
    expect(prepareWith('good').charges).toMatchObject([{ subject: 'account|a1' }, { subject: 'key|good' }]);
    expect(prepareWith('good').conclude(makeOutcome(makeChargeOutcome(false), makeChargeOutcome(true)))).toMatchObject({
      overLimit: true,
      descriptors: [{ overLimit: true }],
    });
    expect(prepareWith('disabled').conclude(undefined)).toMatchObject({
      overLimit: true,
      descriptors: [{ overLimit: true }],
    });
  });

  it.each([
    ['api_key', 'good', 'key|good'],
    ['api_key', 'apiKeys/good', 'key|good'],
    ['account', 'a1', 'account|a1'],
    ['account', 'accounts/a1', 'account|a1'],
  ])('charges %s %s the limits of its plan, on the counter %s', (key, value, subject) => {
    expect(prepare('plans', [key, value]).charges).toMatchObject([{ subject, limit: { name: 'day' } }]);
  });

  it.each([
    ['api_key', 'unknown', 'unknown_credential', undefined],
    ['api_key', '', 'unknown_credential', undefined],
    ['api_key', 'disabled', 'disabled_credential', undefined],
    ['api_key', 'expired', 'expired_credential', undefined],
    ['api_key', 'orphan', 'unknown_credential', undefined],
    ['api_key', 'of-disabled', 'disabled_account', undefined],
    ['api_key', 'of-blocked', 'blocked_account', 30],
    ['account', 'unknown', 'unknown_credential', undefined],
    ['account', 'orphan', 'unknown_credential', undefined],
    ['account', 'disabled', 'disabled_account', undefined],
    ['account', 'blocked', 'blocked_account', 30],
  ])('is over the limit for %s "%s" as %s, and charges nothing', (key, value, rejectionCode, retryAfterSeconds) => {
    const prepared = prepare('plans', ['api_key', 'good'], [key, value]);
    expect(prepared.charges).toEqual([]);
    const descriptors = [
      { overLimit: false, retryAfterSeconds: undefined },
      { overLimit: true, retryAfterSeconds },
    ];
    const verdict = { overLimit: true, rejectionCode, retryAfterSeconds, descriptors };
    expect(prepared.conclude(undefined)).toMatchObject(verdict);
  });

  it('promises no retry if one of its identities may never pass again', () => {
    const verdict = prepare('plans', ['account', 'blocked'], ['account', 'disabled']).conclude(undefined);
    expect(verdict).toMatchObject({ retryAfterSeconds: undefined, rejectionCode: 'blocked_account' });
    expect(verdict).toMatchObject({ descriptors: [{ retryAfterSeconds: 30 }, { retryAfterSeconds: undefined }] });
  });

  it('charges a key and an account from the end of the account’s block on', () => {
    const { charges } = prepare('plans', ['api_key', 'of-unblocked'], ['account', 'unblocked']);
    expect(charges).toMatchObject([{ subject: 'key|good' }, { subject: 'account|unblocked' }]);
  });
});
