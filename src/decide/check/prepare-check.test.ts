import { describe, expect, it } from 'vitest';
import { RECEIPT_KEYS } from '../../../test/support/receipt-keys.ts';
import { type AccountState, UNRESTRICTED } from '../../domain/account-state.ts';
import { formatApiKey } from '../../domain/credentials/api-key.ts';
import { type ApiKeyPolicy, NO_POLICY, parseApiKeyPolicy } from '../../domain/credentials/api-key-policy.ts';
import { parsePlanLimits } from '../../domain/limits/plan.ts';
import { EMPTY_RULE_BOOK, type RuleBook } from '../../domain/rules/rule-book.ts';
import type { TokenFault } from '../../domain/tokens/compact-token.ts';
import type { Verification, VerifiedToken } from '../../domain/tokens/token.ts';
import { parseRules } from '../../rules/parse/parse-rules.ts';
import { type Catalog, type ChargeOutcome, type KeyRecord, type Outcome, StoreUnavailable } from '../ports.ts';
import type { CheckQuestion } from './check-question.ts';
import { PendingCheck, prepareCheck } from './prepare-check.ts';
import type { PreparedCheck } from './prepared-check.ts';

const NOW = Date.UTC(2026, 0, 1);
/** The secret of the only key in the catalog. */
const GOOD_SECRET = makeSecret(1);
const UNKNOWN_SECRET = makeSecret(2);
const limits = parsePlanLimits([
  { name: 'burst', requests: 5, window: '60s', algorithm: '' },
  { name: 'day', requests: 100, window: '1d', algorithm: '' },
]);
if ('faults' in limits) throw new Error('the test’s own limits have faults');
const plan = { id: 'team', limits, features: ['export'] };
const key: KeyRecord = {
  id: 'k1',
  counterId: 'k1',
  accountId: 'a1',
  planId: 'team',
  policy: NO_POLICY,
  disabled: false,
  accountState: UNRESTRICTED,
  expiresAt: undefined,
};

const DISABLED = { disabled: true, blockEndsAt: NOW + 60_000 };
const BLOCKED = { disabled: false, blockEndsAt: NOW + 29_001 };

const ownPolicy = parseApiKeyPolicy({
  limits: [{ name: 'burst', requests: 2, window: '60s' }],
  allowedNetworks: ['192.0.2.0/24'],
  features: ['bulk'],
});
if ('faults' in ownPolicy) throw new Error('the test’s own policy has faults');
const FAULT = { name: 'weir.reqire', description: 'must be one of …', message: undefined, isDenied: true };
const officePolicy: ApiKeyPolicy = { ...NO_POLICY, allowedNetworks: ownPolicy.allowedNetworks };

function makeSecret(byte: number): string {
  const secret = formatApiKey(new Uint8Array(64).fill(byte));
  if (secret === undefined) throw new Error('too few random bytes for a key');
  return secret;
}

function makeCatalog(change: Partial<KeyRecord>): Catalog {
  const record = { ...key, ...change };
  return {
    keyBySecret: (secret) => (secret === GOOD_SECRET ? record : undefined),
    hasImportedKeys: false,
    importedKeyBySecret: () => undefined,
    key: (id) => (id === record.id ? record : undefined),
    account: () => undefined,
    plan: (id) => (id === plan.id ? plan : undefined),
    trust: { issuers: [], keys: [] },
    isRevoked: () => false,
    isTooStale: false,
    ...RECEIPT_KEYS,
  };
}

function prepare(
  question: Partial<CheckQuestion>,
  change: Partial<KeyRecord> = {},
  catalog = makeCatalog(change),
  rules: RuleBook = EMPTY_RULE_BOOK,
): PreparedCheck {
  const tokens = {
    ownIssuer: 'weir',
    maxTokenBytes: 1024,
    cached: () => undefined,
    verify: () => expect.fail('verified a token'),
  };
  const prepared = prepareCheck(makeQuestion(question), { catalog, rules: { book: rules }, tokens }, NOW);
  if (prepared instanceof PendingCheck) throw new Error('the test sends no token');
  return prepared;
}

function makeQuestion(question: Partial<CheckQuestion>): CheckQuestion {
  return {
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
    configurationFault: undefined,
    forgedHeaders: [],
    ...question,
  };
}

function makeChargeOutcome(exceeded: boolean, retryAfter?: number): ChargeOutcome {
  return { exceeded, remaining: 0, resetAfter: 60e6, freeAt: 0, retryAfter, blockedFor: undefined };
}

function makeOutcome(...charges: Outcome['charges']): Outcome {
  return { granted: charges.every(({ exceeded }) => !exceeded), source: 'memory', charges };
}

describe('a Check is denied without a charge', () => {
  it.each([
    ['missing_credential', {}, {}],
    ['missing_credential', { apiKeyHeader: '' }, {}],
    ['missing_credential', { authorizationHeader: 'Basic d2tfZ29vZA==' }, {}],
    ['malformed_credential', { apiKeyHeader: 'garbage' }, {}],
    ['malformed_credential', { authorizationHeader: 'Bearer ' }, {}],
    ['unknown_credential', { apiKeyHeader: UNKNOWN_SECRET }, {}],
    ['malformed_credential', { apiKeyHeader: `${GOOD_SECRET},${GOOD_SECRET}` }, {}],
    ['disabled_credential', { apiKeyHeader: GOOD_SECRET }, { disabled: true }],
    ['disabled_credential', { apiKeyHeader: GOOD_SECRET }, { disabled: true, expiresAt: NOW }],
    ['expired_credential', { apiKeyHeader: GOOD_SECRET }, { expiresAt: NOW }],
    ['unknown_credential', { apiKeyHeader: GOOD_SECRET }, { planId: 'gone' }],
    ['disabled_account', { apiKeyHeader: GOOD_SECRET }, { accountState: DISABLED }],
    ['blocked_account', { apiKeyHeader: GOOD_SECRET }, { accountState: BLOCKED }],
    ['blocked_account', { apiKeyHeader: GOOD_SECRET, rateLimitOff: true }, { accountState: BLOCKED }],
    ['expired_credential', { apiKeyHeader: GOOD_SECRET }, { accountState: DISABLED, expiresAt: NOW }],
    ['invalid_configuration', { apiKeyHeader: GOOD_SECRET, configurationFault: FAULT }, {}],
    ['invalid_configuration', { allowsAnonymous: true, configurationFault: FAULT }, {}],
    ['malformed_credential', { allowsAnonymous: true, apiKeyHeader: 'garbage' }, {}],
    ['unknown_credential', { allowsAnonymous: true, authorizationHeader: `Bearer ${UNKNOWN_SECRET}` }, {}],
    ['disabled_credential', { allowsAnonymous: true, apiKeyHeader: GOOD_SECRET }, { disabled: true }],
    ['missing_credential', { allowsAnonymous: true, requiredFeatures: ['export'] }, {}],
    ['missing_feature', { apiKeyHeader: GOOD_SECRET, requiredFeatures: ['export', 'bulk'] }, {}],
    ['missing_feature', { apiKeyHeader: GOOD_SECRET, requiredFeatures: ['bulk', 'beta'] }, { policy: ownPolicy }],
    ['forbidden_network', { apiKeyHeader: GOOD_SECRET, sourceAddress: '198.51.100.1' }, { policy: officePolicy }],
    ['forbidden_network', { apiKeyHeader: GOOD_SECRET, sourceAddress: undefined }, { policy: officePolicy }],
    ['forbidden_network', { apiKeyHeader: GOOD_SECRET, sourceAddress: 'unknown' }, { policy: officePolicy }],
  ])('with %s for the request %j and a key with %j', (code, question, change) => {
    const prepared = prepare(question, change);
    expect(prepared.charges).toEqual([]);
    expect(prepared.conclude(undefined)).toMatchObject({ kind: 'denied', code });
  });
});

describe('a denied Check', () => {
  const deny = (question: Partial<CheckQuestion>, change: Partial<KeyRecord> = {}, catalog = makeCatalog(change)) => {
    const verdict = prepare(question, change, catalog).conclude(undefined);
    return verdict.kind === 'denied' ? verdict : expect.fail(`the verdict is ${verdict.kind}`);
  };

  it.each<[code: string, change: Partial<KeyRecord>, question: Partial<CheckQuestion>]>([
    ['disabled_credential', { disabled: true }, {}],
    ['expired_credential', { expiresAt: NOW }, {}],
    ['unknown_credential', { planId: 'gone' }, {}],
    ['forbidden_network', { policy: officePolicy }, { sourceAddress: '198.51.100.1' }],
    ['missing_feature', {}, { requiredFeatures: ['bulk'] }],
  ])('as %s names the key, its account and its plan', (code, change, question) => {
    const { planId = 'team' } = change;
    expect(deny({ apiKeyHeader: GOOD_SECRET, ...question }, change)).toMatchObject({
      code,
      proven: { keyId: 'k1', planId, credential: { accountId: 'a1' } },
    });
  });

  it('names the key while the catalog is too old to let it in', () => {
    const catalog = { ...makeCatalog({}), isTooStale: true };
    const verdict = deny({ apiKeyHeader: GOOD_SECRET }, {}, catalog);
    expect(verdict).toMatchObject({ code: 'catalog_stale', proven: { keyId: 'k1', planId: 'team' } });
    const unknown = deny({ apiKeyHeader: UNKNOWN_SECRET }, {}, catalog);
    expect(unknown).toMatchObject({ code: 'catalog_stale', proven: undefined });
  });

  it('names nobody if the key is unknown, malformed or missing', () => {
    for (const apiKeyHeader of [UNKNOWN_SECRET, 'garbage', '']) {
      expect(deny({ apiKeyHeader }).proven).toBeUndefined();
    }
  });

  it('names the key if a limit is exceeded or the counters are unavailable', () => {
    const proven = { keyId: 'k1', planId: 'team', credential: { accountId: 'a1' } };
    const prepared = prepare({ apiKeyHeader: GOOD_SECRET });
    const exceeded = prepared.conclude(makeOutcome(makeChargeOutcome(true), makeChargeOutcome(false)));
    expect(exceeded).toMatchObject({ code: 'rate_limited', proven });
    expect(prepared.conclude(new StoreUnavailable('unreachable'))).toMatchObject({ code: 'store_unavailable', proven });
  });

  it.each<[fault: string | undefined, question: Partial<CheckQuestion>, change: Partial<KeyRecord>]>([
    ['unknown_api_key', { apiKeyHeader: UNKNOWN_SECRET }, {}],
    ['unknown_plan', { apiKeyHeader: GOOD_SECRET }, { planId: 'gone' }],
    ['repeated_api_key_header', { apiKeyHeader: `${GOOD_SECRET},${GOOD_SECRET}` }, {}],
    ['api_key_checksum', { authorizationHeader: `Bearer ${GOOD_SECRET.slice(0, -1)}0` }, {}],
    ['bearer_empty', { authorizationHeader: 'Bearer ' }, {}],
    [undefined, { apiKeyHeader: GOOD_SECRET }, { disabled: true }],
    [undefined, { apiKeyHeader: GOOD_SECRET }, { accountState: DISABLED }],
    [undefined, {}, {}],
  ])('has the fault %s for %j with %j', (fault, question, change) => {
    expect(deny(question, change).fault?.name).toBe(fault);
  });
});

describe('a Check with a token', () => {
  const token: VerifiedToken = {
    issuerId: undefined,
    tokenId: 't1',
    sessionId: undefined,
    accountId: 'ann',
    planId: 'team',
    limits: [],
    features: [],
    isAdmin: false,
    issuedAt: undefined,
    notBefore: undefined,
    expiresAt: NOW + 60_000,
  };
  const check = (verification: Verification, question: Partial<CheckQuestion> = {}, catalog = makeCatalog({})) => {
    const tokens = {
      ownIssuer: 'weir',
      maxTokenBytes: 1024,
      cached: () => verification,
      verify: () => expect.fail('verified a token'),
    };
    const whole = makeQuestion({ authorizationHeader: 'Bearer a.b.c', ...question });
    const prepared = prepareCheck(whole, { catalog, rules: { book: EMPTY_RULE_BOOK }, tokens }, NOW);
    if (prepared instanceof PendingCheck) throw new Error('the token is verified already');
    return prepared.conclude(undefined);
  };
  const verified = (change: Partial<VerifiedToken>): Verification => {
    return { kind: 'verified', token: { ...token, ...change }, issuer: undefined };
  };

  it.each<[code: string, fault: string | undefined, change: Partial<VerifiedToken>]>([
    ['expired_credential', undefined, { expiresAt: NOW - 60_000 }],
    ['unknown_credential', 'not_yet_valid', { notBefore: NOW + 60_000 }],
    ['unknown_credential', 'unknown_account', { sessionId: 's1' }],
    ['unknown_credential', 'unknown_plan', { planId: 'gone' }],
    ['unknown_credential', 'no_plan', { planId: undefined }],
  ])('that is denied as %s with the fault %s names its account and plan', (code, fault, change) => {
    const { planId } = { ...token, ...change };
    const verdict = check(verified(change));
    expect(verdict).toMatchObject({ code, proven: { keyId: undefined, planId, credential: { accountId: 'ann' } } });
    expect(verdict.kind === 'denied' && verdict.fault?.name).toBe(fault);
  });

  it('that is revoked, or lacks a feature, or cannot be checked for revocation, names its account and plan', () => {
    const proven = { planId: 'team', credential: { accountId: 'ann' } };
    const revoked = { ...makeCatalog({}), isRevoked: () => true };
    expect(check(verified({}), {}, revoked)).toMatchObject({ code: 'revoked_credential', proven });
    const stale = { ...makeCatalog({}), isTooStale: true };
    expect(check(verified({}), {}, stale)).toMatchObject({ code: 'catalog_stale', proven });
    expect(check(verified({}), { requiredFeatures: ['bulk'] })).toMatchObject({ code: 'missing_feature', proven });
  });

  it.each([
    ['disabled_account', DISABLED, undefined],
    ['blocked_account', BLOCKED, 30],
  ])('of an account of the catalog is denied as %s', (code, state, retryAfterSeconds) => {
    const catalog = { ...makeCatalog({}), account: (id: string) => ({ id, planId: 'team', ...state }) };
    const proven = { planId: 'team', credential: { accountId: 'ann' } };
    for (const sessionId of [undefined, 's1']) {
      const verdict = check(verified({ sessionId }), {}, catalog);
      expect(verdict).toMatchObject({ code, retryAfterSeconds, proven, source: 'catalog' });
    }
  });

  it('whose signature is not verified names nobody, and only its form has a message', () => {
    const rejected = (code: 'malformed_credential' | 'unknown_credential', fault: TokenFault) =>
      check({ kind: 'rejected', code, fault });
    expect(rejected('unknown_credential', 'signature')).toMatchObject({
      proven: undefined,
      fault: { name: 'signature', message: undefined },
    });
    expect(rejected('malformed_credential', 'duplicate_member')).toMatchObject({
      proven: undefined,
      fault: { name: 'duplicate_member', message: expect.stringContaining('same name') },
    });
    expect(check({ kind: 'unavailable' })).toMatchObject({ code: 'verification_unavailable', proven: undefined });
  });
});

describe('a Check without a credential on a route where it is optional', () => {
  it.each([{}, { apiKeyHeader: '' }, { authorizationHeader: 'Basic eA==' }])('passes as anonymous: %j', (question) => {
    const prepared = prepare({ ...question, allowsAnonymous: true });
    expect(prepared.charges).toEqual([]);
    expect(prepared.conclude(undefined)).toMatchObject({ kind: 'anonymous', source: 'catalog' });
  });
});

describe('a Check with rules in the domain edge', () => {
  const rules = parseRules(
    'edge.yaml',
    'domain: edge\ndescriptors:\n  - {key: remote_address, rate_limit: {requests: 9, window: 60s}}\n' +
      '  - {key: device, rate_limit: {requests: 9, window: 60s}}\n',
  );
  if (!('root' in rules)) throw new Error('the test’s own rules have faults');
  const atEdge = new Map([[rules.domain, rules.root]]);
  const withRules = (question: Partial<CheckQuestion>) => prepare(question, {}, makeCatalog({}), atEdge);

  it('charges the edge before it denies, and reports only the rate limit while the edge is exceeded', () => {
    const prepared = withRules({ apiKeyHeader: UNKNOWN_SECRET });
    expect(prepared.charges).toMatchObject([{ subject: 'rule|edge|remote_address|192.0.2.1', hits: 1 }]);
    expect(prepared.conclude(makeOutcome(makeChargeOutcome(false)))).toMatchObject({
      code: 'unknown_credential',
      limits: [],
    });
    expect(prepared.conclude(makeOutcome(makeChargeOutcome(true, 1e6)))).toMatchObject({
      code: 'rate_limited',
      retryAfterSeconds: 1,
    });
  });

  it('does not report on a guessed credential while the counters are unavailable', () => {
    const verdict = withRules({ apiKeyHeader: UNKNOWN_SECRET }).conclude(new StoreUnavailable('unreachable'));
    expect(verdict).toMatchObject({ kind: 'denied', code: 'store_unavailable' });
  });

  it('charges one hit at the edge, whatever the route costs, and the plan as well', () => {
    const { charges } = withRules({ apiKeyHeader: GOOD_SECRET, cost: 10 });
    expect(charges.map(({ hits }) => hits)).toEqual([1, 10, 10]);
  });

  it('counts at most 256 characters of a device’s name', () => {
    const subjects = ['x'.repeat(300), 'x'.repeat(60_000)].map((device) => withRules({ device }).charges[1]?.subject);
    expect(subjects[0]).toBe(`rule|edge|device|${'x'.repeat(256)}`);
    expect(subjects[1]).toBe(subjects[0]);
  });
});

describe('a Check with a valid key', () => {
  it.each([
    ['x-api-key', { apiKeyHeader: GOOD_SECRET }],
    ['x-api-key', { apiKeyHeader: GOOD_SECRET, authorizationHeader: 'Basic x' }],
    ['authorization', { authorizationHeader: `Bearer ${GOOD_SECRET}` }],
    ['authorization', { authorizationHeader: `bearer  ${GOOD_SECRET}` }],
  ])('in %s charges every limit of its plan to the key: %j', (header, question) => {
    const prepared = prepare(question);
    expect(prepared.charges).toMatchObject([
      { subject: 'key|k1', hits: 1, limit: { name: 'burst' } },
      { subject: 'key|k1', hits: 1, limit: { name: 'day' } },
    ]);
    const verdict = prepared.conclude(makeOutcome(makeChargeOutcome(false), makeChargeOutcome(false)));
    expect(verdict).toMatchObject({ kind: 'allowed', keyId: 'k1', credentialHeader: header, source: 'memory' });
  });

  it('charges the key’s own limits as well, counts them apart, and names them after the key', () => {
    const prepared = prepare({ apiKeyHeader: GOOD_SECRET }, { policy: ownPolicy });
    expect(prepared.charges).toMatchObject([
      { subject: 'key|k1', hits: 1, limit: { name: 'burst' } },
      { subject: 'key|k1', hits: 1, limit: { name: 'day' } },
      { subject: 'key|k1|own', hits: 1, limit: { name: 'burst', requests: 2 } },
    ]);
    const { limits: reported } = prepared.conclude(
      makeOutcome(makeChargeOutcome(false), makeChargeOutcome(false), makeChargeOutcome(true)),
    );
    expect(reported.map(({ label }) => label)).toEqual(['plans/team/burst', 'plans/team/day', 'apiKeys/k1/burst']);
  });

  it('charges the cost of the route', () => {
    for (const cost of [0, 10, 10]) {
      expect(prepare({ apiKeyHeader: GOOD_SECRET, cost }).charges.map(({ hits }) => hits)).toEqual([cost, cost]);
    }
    const catalog = makeCatalog({});
    const charges = [1, 10, 1, 10].map((cost) => prepare({ apiKeyHeader: GOOD_SECRET, cost }, {}, catalog).charges);
    expect(charges[2]).toBe(charges[0]);
    expect(charges[3]).toBe(charges[1]);
  });

  it('charges the same objects each time, so that a request does not create any', () => {
    const catalog = makeCatalog({ policy: ownPolicy });
    const first = prepare({ apiKeyHeader: GOOD_SECRET }, {}, catalog);
    expect(prepare({ apiKeyHeader: GOOD_SECRET }, {}, catalog).charges).toBe(first.charges);
    // null lets the store keep its handle.
    expect(first.charges.map(({ storeHandle }) => storeHandle)).toEqual([null, null, null]);
  });

  it('has its own features and those of its plan', () => {
    const requiredFeatures = ['bulk', 'export'];
    const verdict = prepare({ apiKeyHeader: GOOD_SECRET, requiredFeatures, rateLimitOff: true }, { policy: ownPolicy });
    expect(verdict.conclude(undefined).kind).toBe('allowed');
  });

  it('removes a second key in authorization before the upstream sees it, but no other credential', () => {
    const removes = (authorizationHeader: string) => {
      const verdict = prepare({ apiKeyHeader: GOOD_SECRET, authorizationHeader }).conclude(
        makeOutcome(makeChargeOutcome(false), makeChargeOutcome(false)),
      );
      return verdict.kind === 'allowed' && verdict.removesAuthorization;
    };
    expect(['Bearer wk_live_other', 'Bearer a.b.c', 'Basic eA=='].map(removes)).toEqual([true, false, false]);
  });

  it('charges nothing on a route that leaves it to the rate limit filter', () => {
    const prepared = prepare({ apiKeyHeader: GOOD_SECRET, rateLimitOff: true });
    expect(prepared.charges).toEqual([]);
    expect(prepared.conclude(undefined)).toMatchObject({ kind: 'allowed', limits: [] });
  });

  it('is denied as rate_limited by a rate, with the time of a retry, rounded up', () => {
    const verdict = prepare({ apiKeyHeader: GOOD_SECRET }).conclude(
      makeOutcome(makeChargeOutcome(true, 1_500_000), makeChargeOutcome(false)),
    );
    expect(verdict).toMatchObject({ kind: 'denied', code: 'rate_limited', retryAfterSeconds: 2 });
  });

  it('is denied as quota_exceeded by a calendar limit, even if a rate rejects too, with the longest wait', () => {
    const verdict = prepare({ apiKeyHeader: GOOD_SECRET }).conclude(
      makeOutcome(makeChargeOutcome(true, 1e6), makeChargeOutcome(true, 3600e6)),
    );
    expect(verdict).toMatchObject({ kind: 'denied', code: 'quota_exceeded', retryAfterSeconds: 3600 });
  });

  it.each([
    ['rate_limited', 'a block alone rejects', 3600e6],
    ['quota_exceeded', 'the limit is used up for longer than its block lasts', 60e6],
  ])('is denied as %s by a blocked calendar limit when %s', (code, _reason, blockedFor) => {
    const blocked = { ...makeChargeOutcome(true, 3600e6), blockedFor };
    const verdict = prepare({ apiKeyHeader: GOOD_SECRET }).conclude(makeOutcome(makeChargeOutcome(false), blocked));
    expect(verdict).toMatchObject({ kind: 'denied', code, retryAfterSeconds: 3600 });
  });

  it.each<[number | undefined, AccountState]>([
    [undefined, DISABLED],
    [30, BLOCKED],
    [1, { ...BLOCKED, blockEndsAt: NOW + 1 }],
  ])(
    'is denied without or with a time of a retry (%s) because of its account: %j',
    (retryAfterSeconds, accountState) => {
      const verdict = prepare({ apiKeyHeader: GOOD_SECRET }, { accountState }).conclude(undefined);
      expect(verdict).toMatchObject({ kind: 'denied', retryAfterSeconds, limits: [], source: 'catalog' });
    },
  );

  it('is allowed from the end of its account’s block on', () => {
    const accountState = { ...BLOCKED, blockEndsAt: NOW };
    const prepared = prepare({ apiKeyHeader: GOOD_SECRET, rateLimitOff: true }, { accountState });
    expect(prepared.conclude(undefined).kind).toBe('allowed');
  });

  it('is denied while the counters are unavailable', () => {
    const verdict = prepare({ apiKeyHeader: GOOD_SECRET }).conclude(new StoreUnavailable('unreachable'));
    expect(verdict).toMatchObject({ kind: 'denied', code: 'store_unavailable' });
  });
});
