import { describe, expect, it } from 'vitest';
import { type ApiKeyPolicy, NO_POLICY, parseApiKeyPolicy } from '../../domain/credentials/api-key-policy.ts';
import { parsePlanLimits } from '../../domain/limits/plan.ts';
import { EMPTY_RULE_BOOK, type RuleBook } from '../../domain/rules/rule-book.ts';
import type { Verification } from '../../domain/tokens/token.ts';
import { parseRules } from '../../rules/parse/parse-rules.ts';
import { type Catalog, type KeyRecord, type Outcome, StoreUnavailable } from '../ports.ts';
import type { CheckQuestion } from './check.ts';
import { prepareCheck, UnverifiedCheck } from './prepare-check.ts';

const NOW = Date.UTC(2026, 0, 1);
const limits = parsePlanLimits([
  { name: 'burst', requests: 5, window: '60s', algorithm: '' },
  { name: 'day', requests: 100, window: '1d', algorithm: '' },
]);
if ('faults' in limits) throw new Error('faults in the test’s own limits');
const plan = { id: 'team', limits, features: ['export'] };
const key: KeyRecord = {
  id: 'k1',
  counterId: 'k1',
  accountId: 'a1',
  planId: 'team',
  conditions: NO_POLICY,
  disabled: false,
  expiresAt: undefined,
};

const own = parseApiKeyPolicy({
  limits: [{ name: 'burst', requests: 2, window: '60s' }],
  allowedNetworks: ['192.0.2.0/24'],
  features: ['bulk'],
});
if ('faults' in own) throw new Error('faults in the test’s own conditions');
const onlyFromOffice: ApiKeyPolicy = { ...NO_POLICY, allowedNetworks: own.allowedNetworks };

function catalogWith(change: Partial<KeyRecord>): Catalog {
  const record = { ...key, ...change };
  return {
    keyOfSecret: (secret) => (secret === 'wk_good' ? record : undefined),
    key: (id) => (id === record.id ? record : undefined),
    account: () => undefined,
    plan: (id) => (id === plan.id ? plan : undefined),
    trust: { issuers: [], keys: [] },
    isRevoked: () => false,
    isTooStale: false,
  };
}

const verifications = new Map<string, Verification>();

function consider(
  question: Partial<CheckQuestion>,
  change: Partial<KeyRecord> = {},
  catalog = catalogWith(change),
  rules: RuleBook = EMPTY_RULE_BOOK,
) {
  const asked: CheckQuestion = {
    requestIdHeader: 'r1',
    contentTypeHeader: undefined,
    apiKeyHeader: undefined,
    queryKey: '',
    queryKeyNames: [],
    authorizationHeader: undefined,
    sourceAddress: '192.0.2.1',
    rateLimitOff: false,
    device: undefined,
    route: undefined,
    requiredFeatures: [],
    allowsAnonymous: false,
    isAllowedPreflight: false,
    cost: 1,
    forgedHeaders: [],
    ...question,
  };
  const isApiKey = (text: string) => text.startsWith('wk_');
  const tokens = { cached: (token: string) => verifications.get(token), verify: () => expect.fail('asked to verify') };
  const consideration = prepareCheck(asked, { catalog, rules: { book: rules }, isApiKey, tokens }, NOW);
  if (consideration instanceof UnverifiedCheck) throw new Error('the token is not known to the test');
  return consideration;
}

const charge = (exceeded: boolean, retryAfter?: number) => ({
  exceeded,
  remaining: 0,
  resetAfter: 60e6,
  freeAt: 0,
  retryAfter,
  blockedFor: undefined,
});
const outcome = (...charges: Outcome['charges']): Outcome => ({
  granted: charges.every(({ exceeded }) => !exceeded),
  source: 'memory',
  charges,
});

describe('a Check is denied without a charge', () => {
  it.each([
    ['missing_credential', {}, {}],
    ['missing_credential', { apiKeyHeader: '' }, {}],
    ['missing_credential', { authorizationHeader: 'Basic d2tfZ29vZA==' }, {}],
    ['malformed_credential', { apiKeyHeader: 'garbage' }, {}],
    ['malformed_credential', { authorizationHeader: 'Bearer ' }, {}],
    ['unknown_credential', { apiKeyHeader: 'wk_other' }, {}],
    ['unknown_credential', { apiKeyHeader: 'wk_good,wk_good' }, {}],
    ['disabled_credential', { apiKeyHeader: 'wk_good' }, { disabled: true }],
    ['disabled_credential', { apiKeyHeader: 'wk_good' }, { disabled: true, expiresAt: NOW }],
    ['expired_credential', { apiKeyHeader: 'wk_good' }, { expiresAt: NOW }],
    ['unknown_credential', { apiKeyHeader: 'wk_good' }, { planId: 'gone' }],
    ['invalid_configuration', { apiKeyHeader: 'wk_good', cost: undefined }, {}],
    ['invalid_configuration', { allowsAnonymous: true, cost: undefined }, {}],
    ['malformed_credential', { allowsAnonymous: true, apiKeyHeader: 'garbage' }, {}],
    ['unknown_credential', { allowsAnonymous: true, authorizationHeader: 'Bearer wk_other' }, {}],
    ['disabled_credential', { allowsAnonymous: true, apiKeyHeader: 'wk_good' }, { disabled: true }],
    ['missing_credential', { allowsAnonymous: true, requiredFeatures: ['export'] }, {}],
    ['missing_feature', { apiKeyHeader: 'wk_good', requiredFeatures: ['export', 'bulk'] }, {}],
    ['missing_feature', { apiKeyHeader: 'wk_good', requiredFeatures: ['bulk', 'beta'] }, { conditions: own }],
    ['forbidden_network', { apiKeyHeader: 'wk_good', sourceAddress: '198.51.100.1' }, { conditions: onlyFromOffice }],
    ['forbidden_network', { apiKeyHeader: 'wk_good', sourceAddress: undefined }, { conditions: onlyFromOffice }],
    ['forbidden_network', { apiKeyHeader: 'wk_good', sourceAddress: 'unknown' }, { conditions: onlyFromOffice }],
  ])('%s for %j of a key with %j', (code, question, change) => {
    const consideration = consider(question, change);
    expect(consideration.charges).toEqual([]);
    expect(consideration.conclude(undefined)).toMatchObject({ kind: 'denied', code });
  });
});

describe('a Check without a credential where that is optional', () => {
  it.each([{}, { apiKeyHeader: '' }, { authorizationHeader: 'Basic eA==' }])('%j is let in, as nobody', (question) => {
    const consideration = consider({ ...question, allowsAnonymous: true });
    expect(consideration.charges).toEqual([]);
    expect(consideration.conclude(undefined)).toMatchObject({ kind: 'anonymous', source: 'catalog' });
  });
});

describe('a Check where the domain edge has rules', () => {
  const rules = parseRules(
    'edge.yaml',
    'domain: edge\ndescriptors:\n  - {key: remote_address, rate_limit: {requests: 9, window: 60s}}\n' +
      '  - {key: device, rate_limit: {requests: 9, window: 60s}}\n',
  );
  if (!('root' in rules)) throw new Error('faults in the test’s own rules');
  const atEdge = new Map([[rules.domain, rules.root]]);
  const withRules = (question: Partial<CheckQuestion>) => consider(question, {}, catalogWith({}), atEdge);

  it('is charged there before it is denied, and is not told why while it is over', () => {
    const consideration = withRules({ apiKeyHeader: 'wk_other' });
    expect(consideration.charges).toMatchObject([{ subject: 'rule|edge|remote_address|192.0.2.1', hits: 1 }]);
    expect(consideration.conclude(outcome(charge(false)))).toMatchObject({ code: 'unknown_credential', limits: [] });
    expect(consideration.conclude(outcome(charge(true, 1e6)))).toMatchObject({
      code: 'rate_limited',
      retryAfterSeconds: 1,
    });
  });

  it('does not answer who guesses while the counters cannot tell', () => {
    const verdict = withRules({ apiKeyHeader: 'wk_other' }).conclude(new StoreUnavailable('away'));
    expect(verdict).toMatchObject({ kind: 'denied', code: 'store_unavailable' });
  });

  it('costs one hit there, whatever the route costs, beside the plan’s', () => {
    const { charges } = withRules({ apiKeyHeader: 'wk_good', cost: 10 });
    expect(charges.map(({ hits }) => hits)).toEqual([1, 10, 10]);
  });

  it('counts no more of a device’s name than 256 characters', () => {
    const subjects = ['x'.repeat(300), 'x'.repeat(60_000)].map((device) => withRules({ device }).charges[1]?.subject);
    expect(subjects[0]).toBe(`rule|edge|device|${'x'.repeat(256)}`);
    expect(subjects[1]).toBe(subjects[0]);
  });
});

describe('a Check with a good key', () => {
  it.each([
    ['x-api-key', { apiKeyHeader: 'wk_good' }],
    ['x-api-key', { apiKeyHeader: 'wk_good', authorizationHeader: 'Basic x' }],
    ['authorization', { authorizationHeader: 'Bearer wk_good' }],
    ['authorization', { authorizationHeader: 'bearer  wk_good' }],
  ])('in %s (%j) charges every limit of its plan to the key', (header, question) => {
    const consideration = consider(question);
    expect(consideration.charges).toMatchObject([
      { subject: 'key|k1', hits: 1, limit: { name: 'burst' } },
      { subject: 'key|k1', hits: 1, limit: { name: 'day' } },
    ]);
    const verdict = consideration.conclude(outcome(charge(false), charge(false)));
    expect(verdict).toMatchObject({ kind: 'allowed', keyId: 'k1', credentialHeader: header, source: 'memory' });
  });

  it('with limits of its own charges them beside the plan’s, counted apart, and names them as its own', () => {
    const consideration = consider({ apiKeyHeader: 'wk_good' }, { conditions: own });
    expect(consideration.charges).toMatchObject([
      { subject: 'key|k1', hits: 1, limit: { name: 'burst' } },
      { subject: 'key|k1', hits: 1, limit: { name: 'day' } },
      { subject: 'key|k1|own', hits: 1, limit: { name: 'burst', requests: 2 } },
    ]);
    const { limits: told } = consideration.conclude(outcome(charge(false), charge(false), charge(true)));
    expect(told.map(({ label }) => label)).toEqual(['plans/team/burst', 'plans/team/day', 'apiKeys/k1/burst']);
  });

  it('is charged what the route costs', () => {
    for (const cost of [0, 10, 10]) {
      expect(consider({ apiKeyHeader: 'wk_good', cost }).charges.map(({ hits }) => hits)).toEqual([cost, cost]);
    }
    const catalog = catalogWith({});
    const charges = [1, 10, 1, 10].map((cost) => consider({ apiKeyHeader: 'wk_good', cost }, {}, catalog).charges);
    expect(charges[2]).toBe(charges[0]);
    expect(charges[3]).toBe(charges[1]);
  });

  it('is charged the same object each time, so that nothing is made anew for each request', () => {
    const catalog = catalogWith({ conditions: own });
    const asked = consider({ apiKeyHeader: 'wk_good' }, {}, catalog);
    expect(consider({ apiKeyHeader: 'wk_good' }, {}, catalog).charges).toBe(asked.charges);
  });

  it('has the features of its plan and its own together', () => {
    const requiredFeatures = ['bulk', 'export'];
    const verdict = consider({ apiKeyHeader: 'wk_good', requiredFeatures, rateLimitOff: true }, { conditions: own });
    expect(verdict.conclude(undefined).kind).toBe('allowed');
  });

  it('keeps a second key in authorization from the upstream, but nothing else that stands there', () => {
    const removes = (authorizationHeader: string) => {
      const verdict = consider({ apiKeyHeader: 'wk_good', authorizationHeader }).conclude(
        outcome(charge(false), charge(false)),
      );
      return verdict.kind === 'allowed' && verdict.removesAuthorization;
    };
    expect(['Bearer wk_live_other', 'Bearer a.b.c', 'Basic eA=='].map(removes)).toEqual([true, false, false]);
  });

  it('charges nothing where the route leaves that to the RLS filter', () => {
    const consideration = consider({ apiKeyHeader: 'wk_good', rateLimitOff: true });
    expect(consideration.charges).toEqual([]);
    expect(consideration.conclude(undefined)).toMatchObject({ kind: 'allowed', limits: [] });
  });

  it('is rate_limited by a rate, and told when a retry fits, rounded up', () => {
    const verdict = consider({ apiKeyHeader: 'wk_good' }).conclude(outcome(charge(true, 1_500_000), charge(false)));
    expect(verdict).toMatchObject({ kind: 'denied', code: 'rate_limited', retryAfterSeconds: 2 });
  });

  it('has its quota_exceeded by a calendar limit, whichever else refuses, and the longest wait is told', () => {
    const verdict = consider({ apiKeyHeader: 'wk_good' }).conclude(outcome(charge(true, 1e6), charge(true, 3600e6)));
    expect(verdict).toMatchObject({ kind: 'denied', code: 'quota_exceeded', retryAfterSeconds: 3600 });
  });

  it('is not let in when the counters cannot tell', () => {
    const verdict = consider({ apiKeyHeader: 'wk_good' }).conclude(new StoreUnavailable('away'));
    expect(verdict).toMatchObject({ kind: 'denied', code: 'store_unavailable' });
  });
});
