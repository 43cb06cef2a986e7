import { describe, expect, it } from 'vitest';
import { type Issuer, parseIssuer } from '../issuers/issuer.ts';
import { tokenStatus } from './token.ts';
import { readIssuerClaims, readOwnClaims } from './token-claims.ts';

const own = { iss: 'weir', aud: 'weir', sub: 'ann', jti: 't1', iat: 1000, exp: 2000 };
const times = { issuedAt: 1_000_000, notBefore: undefined, expiresAt: 2_000_000 };

describe('an access token issued by Weir', () => {
  const read = (change: object) => readOwnClaims({ ...own, sid: 's1', ...change }, 'at+jwt', 'weir');

  it('names an account of the catalog and its session, and grants nothing itself', () => {
    expect(read({})).toEqual({
      ...times,
      issuerId: undefined,
      tokenId: 't1',
      sessionId: 's1',
      accountId: 'ann',
      planId: undefined,
      limits: [],
      features: [],
      isAdmin: false,
    });
    expect(read({ weir: { plan: 'enterprise', role: 'admin' } })).toMatchObject({ planId: undefined, isAdmin: false });
  });

  it.each<readonly [string, object]>([
    ['issuer', { iss: 'other' }],
    ['issuer', { iss: ['weir'] }],
    ['audience', { aud: 'other' }],
    ['audience', { aud: ['other', 'third'] }],
    ['audience', { aud: undefined }],
    ['audience', { aud: { weir: true } }],
    ...[undefined, '2000', -1, 1e300, null].map((exp) => ['times', { exp }] as const),
    ['times', { nbf: '1' }],
    ['times', { iat: null }],
    ...[undefined, '', 'a\nb', 'a\u00e9', ' a', 'a'.repeat(257), 1].map((sub) => ['account', { sub }] as const),
    ['token_id', { jti: undefined }],
    ['session', { sid: undefined }],
  ])('is rejected as %s: %j', (fault, change) => expect(read(change)).toBe(fault));

  it('is recognised by its type alone', () => {
    for (const type of [undefined, 'jwt', 'weir', ''])
      expect(readOwnClaims({ ...own, sid: 's1' }, type, 'weir')).toBe('type');
  });

  it('may have other audiences as well', () =>
    expect(read({ aud: ['other', 'weir'] })).toMatchObject({ accountId: 'ann' }));
});

describe('a stateless token issued by Weir', () => {
  const read = (weir: unknown) => readOwnClaims({ ...own, sid: 's1', weir }, 'weir+jwt', 'weir');

  it('carries the permissions of its holder', () => {
    const limits = [{ name: 'own', requests: 5, window: '60s', blockFor: '5m' }];
    expect(read({ plan: 'pro', limits, features: ['export'], role: 'admin' })).toMatchObject({
      sessionId: undefined,
      accountId: 'ann',
      planId: 'pro',
      limits: [{ name: 'own', requests: 5, blockForSeconds: 300 }],
      features: ['export'],
      isAdmin: true,
    });
    expect(read({})).toMatchObject({ planId: undefined, limits: [], features: [], isAdmin: false });
  });

  it.each<readonly [string, unknown]>([
    ...[undefined, null, [], 'pro', { plan: 'pro', networks: [] }].map((weir) => ['grants', weir] as const),
    ['plan', { plan: '' }],
    ['plan', { plan: null }],
    ['limits', { limits: {} }],
    ['limits', { limits: [null] }],
    ['limits', { limits: [{ name: 'own', requests: -5, window: '60s' }] }],
    ['limits', { limits: [{ name: 'own', requests: 5, window: '60s', per: 'account' }] }],
    ['features', { features: 'export' }],
    ['features', { features: [1] }],
    ['role', { role: 'Admin' }],
  ])('is rejected as %s: %j', (fault, weir) => expect(read(weir)).toBe(fault));
});

describe('a token of an external issuer', () => {
  const issuerWith = (change: object): Issuer => {
    const issuer = parseIssuer('corp', {
      issuer: 'https://login.example.com',
      issuerAliases: [],
      audiences: ['api', 'other-api'],
      audienceClaim: 'aud',
      requiredClaims: {},
      algorithms: ['RS256'],
      jwks: null,
      jwksUri: null,
      insecureHttp: false,
      claims: {
        plan: 'plan',
        features: 'scope',
        role: 'realm_access.roles',
        adminRoles: ['weir-admin'],
        account: 'sub',
      },
      defaultPlanId: null,
      catalogAccounts: false,
      ...change,
    });
    if ('faults' in issuer) throw new Error('issuer: must be valid');
    return issuer;
  };
  const claims = { iss: 'https://login.example.com', aud: ['x', 'api'], sub: 'ann', exp: 2000 };
  const read = (change: object, issuer = issuerWith({})) => readIssuerClaims({ ...claims, ...change }, issuer);

  it('has its own account, named after the issuer, unless the issuer uses accounts of the catalog', () => {
    expect(read({})).toEqual({
      issuerId: 'corp',
      tokenId: undefined,
      sessionId: undefined,
      accountId: 'corp:ann',
      planId: undefined,
      limits: [],
      features: [],
      isAdmin: false,
      issuedAt: undefined,
      notBefore: undefined,
      expiresAt: 2_000_000,
    });
    expect(read({}, issuerWith({ catalogAccounts: true }))).toMatchObject({ accountId: 'ann' });
    expect(read({ sub: 42 })).toMatchObject({ accountId: 'corp:42' });
  });

  it('has plan, features and role in the claims that the issuer names, nested ones included', () => {
    const change = { plan: 'pro', scope: 'export  bulk', realm_access: { roles: ['user', 'weir-admin'] } };
    expect(read(change)).toMatchObject({ planId: 'pro', features: ['export', 'bulk'], isAdmin: true });
    expect(read({ realm_access: { roles: 'user' }, scope: ['a'] })).toMatchObject({ features: ['a'], isAdmin: false });
    const dotted = issuerWith({ claims: { account: 'https://example.com/id' } });
    expect(read({ 'https://example.com/id': 'bob' }, dotted)).toMatchObject({ accountId: 'corp:bob' });
  });

  it('has claims anywhere in its claims set, by JSON Pointer', () => {
    const pointers = issuerWith({
      claims: {
        account: '/kubernetes.io/serviceaccount/name',
        plan: '/orgs/0/plan',
        features: '/https:~1~1example.com~1claims/scope',
        role: '/resource_access/my.client/roles',
        adminRoles: ['weir-admin'],
      },
    });
    const change = {
      'kubernetes.io': { serviceaccount: { name: 'robot' } },
      orgs: [{ plan: 'pro' }, { plan: 'free' }],
      'https://example.com/claims': { scope: 'export bulk' },
      resource_access: { 'my.client': { roles: ['weir-admin'] } },
    };
    expect(read(change, pointers)).toMatchObject({
      accountId: 'corp:robot',
      planId: 'pro',
      features: ['export', 'bulk'],
      isAdmin: true,
    });
  });

  it('may carry an alias of the issuer, and has the same account under it', () => {
    const aliased = issuerWith({ issuerAliases: ['https://login.example.com/', 'login.example.com'] });
    for (const iss of [claims.iss, 'https://login.example.com/', 'login.example.com']) {
      expect(read({ iss }, aliased)).toMatchObject({ accountId: 'corp:ann' });
    }
    expect(read({ iss: 'https://login.example.com//' }, aliased)).toBe('issuer');
    expect(read({ iss: ['login.example.com'] }, aliased)).toBe('issuer');
  });

  it.each(['client_id', 'azp'])('may have its audience in %s, next to the required claims', (audienceClaim) => {
    const issuer = issuerWith({ audienceClaim, requiredClaims: { token_use: 'access' } });
    const readWith = (change: object) =>
      read({ aud: undefined, [audienceClaim]: 'api', token_use: 'access', ...change }, issuer);
    expect(readWith({})).toMatchObject({ accountId: 'corp:ann' });
    expect(readWith({ aud: ['x', 'other-api'] })).toMatchObject({ accountId: 'corp:ann' });
    // An audience that is there and is somebody else.
    for (const aud of ['account', ['account'], [], '', null, {}]) expect(readWith({ aud })).toBe('audience');
    for (const value of ['third', ['api'], undefined, null, 7]) {
      expect(readWith({ [audienceClaim]: value })).toBe('audience');
      expect(readWith({ [audienceClaim]: value, aud: 'api' })).toBe('audience');
    }
    for (const tokenUse of ['id', undefined, ['access'], 'Access', true]) {
      expect(readWith({ token_use: tokenUse })).toBe('required_claim');
    }
  });

  it('must have all required claims, by name or path, also if aud is its audience', () => {
    const issuer = issuerWith({ requiredClaims: { token_use: 'access', '/a.b/0': 'x', 'c.d': 'y' } });
    const change = { token_use: 'access', 'a.b': ['x'], c: { d: 'y' } };
    expect(read(change, issuer)).toMatchObject({ accountId: 'corp:ann' });
    for (const missing of [{ token_use: 'id' }, { 'a.b': ['z'] }, { c: {} }]) {
      expect(read({ ...change, ...missing }, issuer)).toBe('required_claim');
    }
  });

  it('does not have its audience in another claim unless the issuer says so', () => {
    expect(read({ aud: undefined, client_id: 'api', azp: 'api' })).toBe('audience');
  });

  it('is not read from properties that every object inherits', () => {
    expect(read({}, issuerWith({ claims: { account: 'constructor.name' } }))).toBe('account');
  });

  it.each<readonly [string, object]>([
    ['issuer', { iss: 'https://login.example.com/' }],
    ['audience', { aud: ['third'] }],
    ['audience', { aud: [] }],
    ['times', { exp: undefined }],
    ['account', { sub: { id: 1 } }],
    ['account', { sub: 1.5 }],
    ['token_id', { jti: 7 }],
    ['session', { sid: {} }],
    ['plan', { plan: ['pro'] }],
    ['features', { scope: [1] }],
    ['role', { realm_access: { roles: { admin: true } } }],
  ])('is rejected as %s: %j', (fault, change) => expect(read(change)).toBe(fault));
});

describe('the status of a token', () => {
  it.each([
    [2_029_999, 'valid'],
    [2_030_000, 'expired'],
    [970_000, 'valid'],
    [969_999, 'early'],
  ])('at %d is %s, allowing clocks to differ by half a minute', (now, status) => {
    expect(tokenStatus({ notBefore: 1_000_000, expiresAt: 2_000_000 }, now)).toBe(status);
  });
});
