import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatApiKey } from '../../domain/credentials/api-key.ts';
import { findCredentialFault } from './malformed-credential.ts';
import type { CredentialHeader } from './presented-credential.ts';

const MAX_TOKEN_BYTES = 1024;
const KEY = formatApiKey(randomBytes(64)) ?? expect.fail('64 random bytes were not enough for a key');
const changed = KEY.slice(0, -1) + (KEY.endsWith('0') ? '1' : '0');

const find = (header: CredentialHeader | undefined, secret: string) =>
  findCredentialFault({ header, secret }, MAX_TOKEN_BYTES);

describe('the fault of a malformed credential', () => {
  it.each<[fault: string, header: CredentialHeader | undefined, secret: string]>([
    ['repeated_api_key_header', 'x-api-key', `${KEY},${KEY}`],
    ['repeated_authorization', 'authorization', `${KEY},Bearer ${KEY}`],
    ['repeated_authorization', 'authorization', 'a.b.c,Bearer a.b.c'],
    ['repeated_query_parameter', undefined, `${KEY},${KEY}`],
    ['api_key_with_scheme', 'x-api-key', `Bearer ${KEY}`],
    ['token_in_api_key_header', 'x-api-key', 'a.b.c'],
    ['token_in_query', undefined, 'a.b.c'],
    ['bearer_empty', 'authorization', ''],
    ['api_key_prefix', 'x-api-key', 'garbage'],
    ['api_key_prefix', 'x-api-key', KEY.slice(8)],
    ['api_key_prefix', 'authorization', KEY.replace('live', 'test')],
    ['api_key_characters', 'x-api-key', `${KEY} `],
    ['api_key_characters', 'x-api-key', `${KEY.slice(0, -1)}é`],
    ['api_key_length', 'x-api-key', KEY.slice(0, -1)],
    ['api_key_length', 'x-api-key', `${KEY}0`],
    ['api_key_length', undefined, 'wk_live_'],
    ['api_key_checksum', 'x-api-key', changed],
    ['api_key_checksum', 'authorization', changed],
    ['too_long', 'authorization', `a.b.${'c'.repeat(MAX_TOKEN_BYTES)}`],
    ['too_long', 'authorization', 'c'.repeat(MAX_TOKEN_BYTES + 1)],
    ['encrypted', 'authorization', 'a.b.c.d.e'],
    ['not_compact', 'authorization', 'opaque-token'],
    ['not_compact', 'authorization', 'a.b.'],
  ])('is %s in %s: %s', (fault, header, secret) => expect(find(header, secret).name).toBe(fault));

  it('is the same object each time, whose message is never a part of the credential', () => {
    const headers = fc.constantFrom<(CredentialHeader | undefined)[]>('x-api-key', 'authorization', undefined);
    const secrets = fc.oneof(fc.string(), fc.constantFrom('wk_live_', 'wk_', 'Bearer ', KEY, 'a.b.c', ','));
    fc.assert(
      fc.property(headers, fc.array(secrets), (header, parts) => {
        const secret = parts.join('');
        const fault = find(header, secret);
        expect(fault.message).toBeTypeOf('string');
        expect(find(header, secret)).toBe(fault);
        if (secret.length > 10) expect(fault.message).not.toContain(secret);
      }),
    );
  });

  it('names the limit of a token that is too long', () => {
    expect(find('authorization', 'c'.repeat(2000)).message).toBe(
      'this token is too long: tokens have at most 1024 bytes',
    );
  });
});
