import { describe, expect, it } from 'vitest';
import { findTokenFormFault, looksLikeToken, readCompactToken } from './compact-token.ts';
import { readTokenHeader } from './token-header.ts';

const part = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

describe('a token in compact form', () => {
  const header = part({ alg: 'EdDSA' });
  const claims = part({ sub: 'ann' });

  it('is decoded into header and claims', () => {
    expect(readCompactToken(`${header}.${claims}.c2ln`)).toEqual({ header: { alg: 'EdDSA' }, claims: { sub: 'ann' } });
  });

  it.each([
    ['not_compact', ''],
    ['not_compact', 'a'],
    ['not_compact', `${header}.${claims}`],
    ['not_compact', `${header}.${claims}.`],
    ['not_compact', `${header}.${claims}.c2ln.c2ln`],
    ['not_compact', `${header}.${claims}.c2ln.a.b.c`],
    ['encrypted', `${header}.a.b.c.d`],
    ['encrypted', `${header}..b.c.d`],
    ['not_base64url', `${header}.${claims}.c2ln=`],
    ['not_base64url', `${header}.${claims}.c2+n`],
    ['not_base64url', `${header}.${claims} .c2ln`],
    ['not_base64url', `.${claims}.c2ln`],
    ['not_utf8', `${header}.${Buffer.from('{"sub":"\xff"}', 'latin1').toString('base64url')}.c2ln`],
    ['not_json', `${header}.${part('\ufeff{}')}.c2ln`],
    ['not_json', `${part('[]')}.${claims}.c2ln`],
    ['duplicate_member', `${header}.${part('{"sub":"a","sub":"b"}')}.c2ln`],
    ['duplicate_member', `${part('{"alg":"EdDSA","alg":"none"}')}.${claims}.c2ln`],
  ])('is rejected as %s: %s', (fault, token) => expect(readCompactToken(token)).toBe(fault));

  it.each([
    ['not_compact', 0],
    ['not_compact', 1],
    ['not_compact', 3],
    ['encrypted', 4],
    ['not_compact', 5],
  ])('has the fault %s with %d dots', (fault, dots) => {
    const text = Array(dots + 1)
      .fill('a')
      .join('.');
    expect(looksLikeToken(text, 1024)).toBe(false);
    expect(findTokenFormFault(text, 1024)).toBe(fault);
  });

  it('has three parts and at most as many characters as are allowed', () => {
    const token = `${header}.${claims}.${'a'.repeat(100)}`;
    expect(looksLikeToken(token, token.length)).toBe(true);
    expect(looksLikeToken(token, token.length - 1)).toBe(false);
    expect(findTokenFormFault(token, token.length - 1)).toBe('too_long');
  });
});

describe('the header of a token', () => {
  it('is read into algorithm, key id and type', () => {
    const expected = { algorithm: 'ES256', keyId: 'k1', type: 'at+jwt' };
    expect(readTokenHeader({ alg: 'ES256', kid: 'k1', typ: 'application/at+JWT', x5t: 'a' })).toEqual(expected);
    expect(readTokenHeader({ alg: 'ES256' })).toEqual({ algorithm: 'ES256', keyId: undefined, type: undefined });
  });

  it.each<readonly [string, Record<string, unknown>]>([
    ...[undefined, 'none', 'None', 'NONE', 'nOnE', '', 'eddsa', 'HS512', 'RSA-OAEP', 1, ['EdDSA']].map(
      (alg) => ['algorithm', { alg }] as const,
    ),
    ...['jwk', 'jku', 'x5u', 'x5c'].map((name) => ['key_in_header', { alg: 'EdDSA', [name]: 'x' }] as const),
    ['critical', { alg: 'EdDSA', crit: ['exp'] }],
    ['critical', { alg: 'EdDSA', crit: [] }],
    ['unencoded_payload', { alg: 'EdDSA', b64: false, crit: ['b64'] }],
    ['encrypted', { alg: 'EdDSA', enc: 'A256GCM' }],
    ['encrypted', { alg: 'EdDSA', zip: 'DEF' }],
    ...['', '../../dev/null', 'a/../b', "' or 1=1 --", 'k1;drop', 'k\n1', 'k%31', 'a'.repeat(256), 1, null].map(
      (kid) => ['key_id', { alg: 'EdDSA', kid }] as const,
    ),
    ['type', { alg: 'EdDSA', typ: 1 }],
  ])('is rejected as %s: %j', (fault, header) => expect(readTokenHeader(header)).toBe(fault));
});
