import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type IssuerSpec, parseIssuer } from './issuer.ts';

const ec = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', kid: '1' };
const right: IssuerSpec = {
  issuer: 'https://login.example.com',
  audiences: ['api'],
  algorithms: ['ES256'],
  jwks: { keys: [ec] },
  jwksUri: null,
  claims: {},
  defaultPlanId: null,
  catalogAccounts: false,
};
const fieldsOf = (written: object): readonly string[] => {
  const parsed = parseIssuer('partner', { ...right, ...written });
  return 'faults' in parsed ? parsed.faults.map(({ field }) => field) : [];
};

test('an issuer has its keys in a set, at a URL, or where its discovery tells', () => {
  const keysOf = (written: object) => {
    const parsed = parseIssuer('partner', { ...right, ...written });
    return 'faults' in parsed ? parsed.faults : parsed.keys;
  };
  expect(keysOf({})).toEqual({ kind: 'static', jwks: { keys: [ec] } });
  const uri = 'https://login.example.com/keys';
  expect(keysOf({ jwks: null, jwksUri: uri })).toEqual({ kind: 'jwks_uri', uri });
  expect(keysOf({ jwks: null })).toEqual({ kind: 'discovery' });
});

test('what claims are called has defaults', () => {
  expect(parseIssuer('partner', { ...right, claims: { plan: 'tier' } })).toMatchObject({
    claims: { account: 'sub', plan: 'tier', features: undefined, role: undefined, adminRoles: [] },
  });
});

test.each<[string, object, readonly string[]]>([
  ['no issuer', { issuer: '' }, ['issuer']],
  ['the issuer that Weir is itself', { issuer: 'weir' }, ['issuer']],
  ['an issuer with a line break', { issuer: 'a\nb' }, ['issuer']],
  ['an issuer that is too long', { issuer: 'x'.repeat(256) }, ['issuer']],
  ['no audience', { audiences: [] }, ['audiences']],
  ['an empty audience', { audiences: ['api', ''] }, ['audiences[1]']],
  ['too many audiences', { audiences: Array.from({ length: 65 }, String) }, ['audiences']],
  ['no algorithm', { algorithms: [] }, ['algorithms']],
  [
    'algorithms that are none',
    { algorithms: ['ES256', 'none', 'es256', 'HS256'] },
    [1, 2, 3].map((at) => `algorithms[${at}]`),
  ],
  ['two places of keys', { jwksUri: 'https://login.example.com/keys' }, ['jwks_uri']],
  ['a claim’s name that is too long', { claims: { account: 'x'.repeat(256) } }, ['claims.account']],
  ['roles of administrators, and no claim that has them', { claims: { adminRoles: ['root'] } }, ['claims.role']],
  ['an empty role of administrators', { claims: { role: 'r', adminRoles: [''] } }, ['claims.admin_roles[0]']],
  [
    'everything wrong',
    { issuer: '', audiences: [], algorithms: [], jwks: {} },
    ['issuer', 'audiences', 'algorithms', 'jwks.keys'],
  ],
])('%s is a fault of that field', (_, written, fields) => {
  expect(fieldsOf(written)).toEqual(fields);
});

describe('a set of keys', () => {
  const pair = (type: 'rsa' | 'ec' | 'ed25519', bits = 2048) => {
    if (type === 'rsa') return generateKeyPairSync('rsa', { modulusLength: bits });
    return type === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
  };

  test.each(['rsa', 'ec', 'ed25519'] as const)('takes public keys (%s), and no private one', (type) => {
    const { publicKey, privateKey } = pair(type);
    expect(fieldsOf({ jwks: { keys: [publicKey.export({ format: 'jwk' })] } })).toEqual([]);
    const secret = privateKey.export({ format: 'jwk' });
    const parsed = parseIssuer('partner', {
      ...right,
      jwks: { keys: [{ ...ec }, { ...secret, kty: secret.kty ?? '' }] },
    });
    expect(parsed).toMatchObject({
      faults: [{ field: 'jwks.keys[1]', description: expect.stringContaining('public key') }],
    });
    expect(JSON.stringify(parsed)).not.toContain(secret.d);
  });

  test('takes no RSA key of less than 2048 bits', () => {
    const jwk = pair('rsa', 1024).publicKey.export({ format: 'jwk' });
    expect(fieldsOf({ jwks: { keys: [jwk] } })).toEqual(['jwks.keys[0].n']);
  });

  test.each<[string, unknown, readonly string[]]>([
    ['no set', 'https://login.example.com/keys', ['jwks.keys']],
    ['a list', [ec], ['jwks.keys']],
    ['an empty set', { keys: [] }, ['jwks.keys']],
    ['too many keys', { keys: Array.from({ length: 65 }, () => ec) }, ['jwks.keys']],
    ['keys that are none', { keys: [null, 'x', [], 7] }, [0, 1, 2, 3].map((at) => `jwks.keys[${at}]`)],
    ['a secret', { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }, ['jwks.keys[0]']],
    ['an unknown type', { keys: [{ kty: 'constructor' }] }, ['jwks.keys[0].kty']],
    [
      'keys without their values',
      { keys: [{ kty: 'RSA' }, { kty: 'OKP', crv: 7 }] },
      ['[0].n', '[0].e', '[1].crv', '[1].x'].map((at) => `jwks.keys${at}`),
    ],
    ['an id that is no text', { keys: [{ ...ec, kid: 7, alg: {} }] }, ['jwks.keys[0].kid', 'jwks.keys[0].alg']],
  ])('that is %s is refused', (_, jwks, fields) => {
    expect(fieldsOf({ jwks })).toEqual(fields);
  });
});

describe('a place of keys', () => {
  test.each([
    'https://login.example.com/keys?a=b',
    'http://localhost:8080/keys',
    'http://127.0.0.1/keys',
    'http://[::1]:1/keys',
  ])('may be %s', (jwksUri) => {
    expect(fieldsOf({ jwks: null, jwksUri })).toEqual([]);
    expect(fieldsOf({ jwks: null, issuer: jwksUri })).toEqual([]);
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
    expect(fieldsOf({ jwks: null, jwksUri })).toEqual(['jwks_uri']);
  });

  test('is named where it is missing and no discovery is possible', () => {
    expect(fieldsOf({ jwks: null, issuer: 'partner' })).toEqual(['jwks_uri']);
  });
});
