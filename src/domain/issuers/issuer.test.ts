import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { findForbiddenHost, type IssuerSpec, parseIssuer } from './issuer.ts';
import { findWildcards } from './issuer-text.ts';

const ec = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', kid: '1' };
const valid: IssuerSpec = {
  issuer: 'https://login.example.com',
  issuerAliases: [],
  audiences: ['api'],
  audienceClaim: 'aud',
  requiredClaims: {},
  algorithms: ['ES256'],
  jwks: { keys: [ec] },
  jwksUri: null,
  insecureHttp: false,
  claims: {},
  defaultPlanId: null,
  catalogAccounts: false,
};
const faultyFields = (change: object): readonly string[] => {
  const parsed = parseIssuer('partner', { ...valid, ...change });
  return 'faults' in parsed ? parsed.faults.map(({ field }) => field) : [];
};

test('an issuer has its keys in a set, at a URL, or found by discovery', () => {
  const parseKeys = (change: object) => {
    const parsed = parseIssuer('partner', { ...valid, ...change });
    return 'faults' in parsed ? parsed.faults : parsed.keys;
  };
  expect(parseKeys({})).toEqual({ kind: 'static', jwks: { keys: [ec] } });
  const uri = 'https://login.example.com/keys';
  expect(parseKeys({ jwks: null, jwksUri: uri })).toEqual({ kind: 'jwks_uri', uri });
  expect(parseKeys({ jwks: null })).toEqual({ kind: 'discovery' });
});

test('claim names have defaults', () => {
  expect(parseIssuer('partner', { ...valid, claims: { plan: 'tier' } })).toMatchObject({
    claims: { account: 'sub', plan: 'tier', features: undefined, role: undefined, adminRoles: [] },
  });
});

test('an issuer may have aliases, and its audience in another claim next to required claims', () => {
  const change = {
    issuerAliases: ['https://login.example.com/', 'login.example.com'],
    audienceClaim: 'client_id',
    requiredClaims: { token_use: 'access', '/kubernetes.io/a~1b': 'x' },
  };
  expect(parseIssuer('partner', { ...valid, ...change })).toMatchObject({
    aliases: change.issuerAliases,
    audienceClaim: 'client_id',
    requiredClaims: [
      { path: 'token_use', value: 'access' },
      { path: '/kubernetes.io/a~1b', value: 'x' },
    ],
  });
});

test('an issuer of an earlier version may have an audience with a wildcard, which a request must not write', () => {
  expect(faultyFields({ audiences: ['*'] })).toEqual([]);
  const fields = findWildcards('audiences', ['api', '*', 'https://*.example.com']).map(({ field }) => field);
  expect(fields).toEqual(['audiences[1]', 'audiences[2]']);
});

test.each<[string, object, readonly string[]]>([
  ['no issuer', { issuer: '' }, ['issuer']],
  ['the issuer that Weir is itself', { issuer: 'weir' }, ['issuer']],
  ['an issuer with a line break', { issuer: 'a\nb' }, ['issuer']],
  ['an issuer that is too long', { issuer: 'x'.repeat(256) }, ['issuer']],
  ['no audience', { audiences: [] }, ['audiences']],
  ['an empty audience', { audiences: ['api', ''] }, ['audiences[1]']],
  ['too many audiences', { audiences: Array.from({ length: 65 }, String) }, ['audiences']],
  ['an empty alias', { issuerAliases: ['a', ''] }, ['issuer_aliases[1]']],
  ['an alias that is the issuer', { issuerAliases: [valid.issuer] }, ['issuer_aliases[0]']],
  ['an alias named twice', { issuerAliases: ['a', 'b', 'a'] }, ['issuer_aliases[2]']],
  ['an alias that is Weir itself', { issuerAliases: ['weir'] }, ['issuer_aliases[0]']],
  ['an alias with a wildcard', { issuerAliases: ['https://*.example.com'] }, ['issuer_aliases[0]']],
  ['too many aliases', { issuerAliases: Array.from({ length: 65 }, (_, index) => `${index}`) }, ['issuer_aliases']],
  ...['sub', 'AUD', 'Client_ID', 'appid', '', '/aud'].map((audienceClaim): [string, object, string[]] => [
    `the audience claim ${JSON.stringify(audienceClaim)}`,
    { audienceClaim, requiredClaims: { token_use: 'access' } },
    ['audience_claim'],
  ]),
  ['client_id without required claims', { audienceClaim: 'client_id' }, ['required_claims']],
  ['azp without required claims', { audienceClaim: 'azp' }, ['required_claims']],
  ['a required claim with a malformed path', { requiredClaims: { '/a~': 'x' } }, ['required_claims']],
  ['a required claim without a name', { requiredClaims: { '': 'x' } }, ['required_claims']],
  ['a required claim without a value', { requiredClaims: { a: '' } }, ['required_claims[0]']],
  ['a required claim with a wildcard', { requiredClaims: { a: '*' } }, ['required_claims[0]']],
  ['no algorithm', { algorithms: [] }, ['algorithms']],
  [
    'unsupported algorithms',
    { algorithms: ['ES256', 'none', 'es256', 'HS256'] },
    [1, 2, 3].map((index) => `algorithms[${index}]`),
  ],
  ['both keys and a URL of keys', { jwksUri: 'https://login.example.com/keys' }, ['jwks_uri']],
  ['a claim’s name that is too long', { claims: { account: 'x'.repeat(256) } }, ['claims.account']],
  [
    'malformed JSON Pointers',
    { claims: { account: '/a~', role: '/~2', plan: 'a~b' } },
    ['claims.account', 'claims.role'],
  ],
  ['administrator roles without a role claim', { claims: { adminRoles: ['root'] } }, ['claims.role']],
  ['an empty administrator role', { claims: { role: 'r', adminRoles: [''] } }, ['claims.admin_roles[0]']],
  [
    'everything wrong',
    { issuer: '', audiences: [], algorithms: [], jwks: {} },
    ['issuer', 'audiences', 'algorithms', 'jwks.keys'],
  ],
])('%s is a fault of that field', (_, change, fields) => {
  expect(faultyFields(change)).toEqual(fields);
});

describe('a set of keys', () => {
  const pair = (type: 'rsa' | 'ec' | 'ed25519', bits = 2048) => {
    if (type === 'rsa') return generateKeyPairSync('rsa', { modulusLength: bits });
    return type === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
  };

  test.each(['rsa', 'ec', 'ed25519'] as const)('accepts public keys (%s) and rejects private ones', (type) => {
    const { publicKey, privateKey } = pair(type);
    expect(faultyFields({ jwks: { keys: [publicKey.export({ format: 'jwk' })] } })).toEqual([]);
    const secret = privateKey.export({ format: 'jwk' });
    const parsed = parseIssuer('partner', {
      ...valid,
      jwks: { keys: [{ ...ec }, { ...secret, kty: secret.kty ?? '' }] },
    });
    expect(parsed).toMatchObject({
      faults: [{ field: 'jwks.keys[1]', description: expect.stringContaining('public key') }],
    });
    expect(JSON.stringify(parsed)).not.toContain(secret.d);
  });

  test('rejects an RSA key of less than 2048 bits', () => {
    const jwk = pair('rsa', 1024).publicKey.export({ format: 'jwk' });
    expect(faultyFields({ jwks: { keys: [jwk] } })).toEqual(['jwks.keys[0].n']);
  });

  test.each<[string, unknown, readonly string[]]>([
    ['not a set', 'https://login.example.com/keys', ['jwks.keys']],
    ['a list', [ec], ['jwks.keys']],
    ['an empty set', { keys: [] }, ['jwks.keys']],
    ['too many keys', { keys: Array.from({ length: 65 }, () => ec) }, ['jwks.keys']],
    ['values that are not keys', { keys: [null, 'x', [], 7] }, [0, 1, 2, 3].map((index) => `jwks.keys[${index}]`)],
    ['a secret', { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }, ['jwks.keys[0]']],
    ['an unknown type', { keys: [{ kty: 'constructor' }] }, ['jwks.keys[0].kty']],
    [
      'keys without their values',
      { keys: [{ kty: 'RSA' }, { kty: 'OKP', crv: 7 }] },
      ['[0].n', '[0].e', '[1].crv', '[1].x'].map((path) => `jwks.keys${path}`),
    ],
    [
      'a key whose id is not a string',
      { keys: [{ ...ec, kid: 7, alg: {} }] },
      ['jwks.keys[0].kid', 'jwks.keys[0].alg'],
    ],
  ])('rejects %s', (_, jwks, fields) => {
    expect(faultyFields({ jwks })).toEqual(fields);
  });
});

describe('the URL of a key set', () => {
  test.each([
    'https://login.example.com/keys?a=b',
    'http://localhost:8080/keys',
    'http://127.0.0.1/keys',
    'http://[::1]:1/keys',
  ])('may be %s', (jwksUri) => {
    expect(faultyFields({ jwks: null, jwksUri })).toEqual([]);
    expect(faultyFields({ jwks: null, issuer: jwksUri })).toEqual([]);
  });

  test.each([
    'http://login.example.com/keys',
    'http://127.0.0.1.example.com/keys',
    'http://localhost.example.com/keys',
    'http://10.0.0.1/keys',
    'file:///etc/passwd',
    'data:application/json,{}',
    '//login.example.com/keys',
    'login.example.com',
    'https://user:password@login.example.com/keys',
    'https://login.example.com/keys#a',
    `https://login.example.com/${'x'.repeat(2_048)}`,
  ])('must not be %s', (jwksUri) => {
    expect(faultyFields({ jwks: null, jwksUri })).toEqual(['jwks_uri']);
  });

  test('may be an http URL of any host if the issuer says so, and a node knows whether it allows that host', () => {
    const keycloak = { jwks: null, jwksUri: 'http://keycloak.auth.svc:8080/certs', insecureHttp: true };
    expect(faultyFields(keycloak)).toEqual([]);
    expect(faultyFields({ jwks: null, issuer: 'http://10.0.0.5', insecureHttp: true })).toEqual([]);
    const forbidden = (change: object, hosts: string[]) =>
      findForbiddenHost({ ...valid, ...change }, new Set(hosts)).map(({ field }) => field);
    expect(forbidden(keycloak, ['keycloak.auth.svc'])).toEqual([]);
    expect(forbidden(keycloak, ['keycloak.auth.svc:80', 'auth.svc'])).toEqual(['jwks_uri']);
    expect(forbidden({ jwks: null, issuer: 'http://10.0.0.5' }, [])).toEqual(['issuer']);
    expect(forbidden({ jwks: null, jwksUri: 'http://localhost:1/keys' }, [])).toEqual([]);
    expect(forbidden({ issuer: 'http://10.0.0.5' }, [])).toEqual([]);
  });

  test.each(['ftp://keycloak/keys', 'http://user@keycloak/keys', 'http://keycloak/keys#a', 'file:///etc/passwd'])(
    'must not be %s although the issuer says so',
    (jwksUri) => {
      expect(faultyFields({ jwks: null, jwksUri, insecureHttp: true })).toEqual(['jwks_uri']);
    },
  );

  test('is required if the issuer does not support discovery', () => {
    expect(faultyFields({ jwks: null, issuer: 'partner' })).toEqual(['jwks_uri']);
  });
});
