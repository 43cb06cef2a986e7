import { describe, expect } from 'vitest';
import { AuthorizationService, CheckRequest } from '../../../src/generated/envoy/service/auth/v3/external_auth.ts';
import { check, parseDenial } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';
import { makeTokenKey, signToken } from '../../support/servers/identity-provider.ts';

const it = test.override('environment', { API_KEY_QUERY_PARAMETER: 'api_key', MAX_TOKEN_BYTES: '2000' });

const part = (text: string) => Buffer.from(text).toString('base64url');
const HEADER = part('{"alg":"EdDSA"}');

/** Reads `weir_credentials_refused_total` of a fault from the metrics. */
async function readCount(node: TestNode, fault: string): Promise<number> {
  const [, count = '0'] =
    new RegExp(`^weir_credentials_refused_total\\{fault="${fault}"\\} (\\d+)$`, 'm').exec(await node.metrics()) ?? [];
  return Number(count);
}

const checkQuery = (node: TestNode, query: string) => {
  const http = { path: `/orders?${query}`, headers: {} };
  return node.decision.call(
    AuthorizationService.check,
    CheckRequest.fromPartial({ attributes: { request: { http } } }),
  );
};

describe('a malformed credential is denied with the message of its fault, and counted', () => {
  const KEY = 'wk_live_1111111111111111111111111111';

  it.for<[fault: string, header: string, value: string, message: RegExp]>([
    ['repeated_api_key_header', 'x-api-key', `${KEY},${KEY}`, /^x-api-key has more than one value/],
    [
      'repeated_authorization',
      'authorization',
      `Bearer ${KEY},Bearer ${KEY}`,
      /^authorization has more than one value/,
    ],
    ['repeated_authorization', 'authorization', 'Bearer a.b.c,Bearer a.b.c', /^authorization has more than one value/],
    ['api_key_with_scheme', 'x-api-key', `Bearer ${KEY}`, /^x-api-key must be the API key alone/],
    ['token_in_api_key_header', 'x-api-key', 'a.b.c', /^x-api-key accepts only API keys/],
    ['api_key_prefix', 'x-api-key', 'sk_live_1111', /API keys begin with wk_live_/],
    ['api_key_characters', 'x-api-key', `${KEY} `, /has a character that no API key has/],
    ['api_key_length', 'x-api-key', KEY.slice(0, -1), /does not have 36 characters/],
    ['api_key_checksum', 'x-api-key', KEY, /the checksum of this API key is wrong/],
    ['bearer_empty', 'authorization', 'Bearer ', /no API key or token after it/],
    [
      'too_long',
      'authorization',
      `Bearer ${'x'.repeat(2001)}`,
      /^this token is too long: tokens have at most 2000 bytes$/,
    ],
    ['not_compact', 'authorization', 'Bearer opaque', /nor a JWT, which has three parts/],
    ['encrypted', 'authorization', 'Bearer a.b.c.d.e', /encrypted/],
    ['not_base64url', 'authorization', 'Bearer a.b.c=', /not base64url/],
    ['not_utf8', 'authorization', `Bearer ${HEADER}.${Buffer.from([0xff]).toString('base64url')}.c2ln`, /not UTF-8/],
    ['not_json', 'authorization', `Bearer ${HEADER}.${part('{')}.c2ln`, /not a JSON object/],
    ['duplicate_member', 'authorization', `Bearer ${HEADER}.${part('{"a":1,"a":2}')}.c2ln`, /members of the same name/],
  ])('%s, in %s: %s', async ([fault, header, value, message], { node }) => {
    const before = await readCount(node, fault);
    for (let repetition = 0; repetition < 2; repetition++) {
      const denial = parseDenial(await check(node.decision, { [header]: value }));
      expect(denial).toMatchObject({ code: 'malformed_credential', message: expect.stringMatching(message) });
      expect(denial?.message).not.toContain(/^Bearer (.+)$/.exec(value)?.[1] ?? value);
    }
    expect(await readCount(node, fault)).toBe(before + 2);
  });

  it('also in the query', async ({ node }) => {
    const repeated = parseDenial(await checkQuery(node, `api_key=${KEY}&api_key=${KEY}`));
    expect(repeated?.message).toMatch(/^the query has more than one API key/);
    expect(parseDenial(await checkQuery(node, 'api_key=a.b.c'))?.message).toMatch(/^the query accepts only API keys/);
    expect(await readCount(node, 'repeated_query_parameter')).toBe(1);
    expect(await readCount(node, 'token_in_query')).toBe(1);
  });

  it('to gRPC clients, too', async ({ node }) => {
    const response = await check(node.decision, { 'x-api-key': KEY.slice(1), 'content-type': 'application/grpc' });
    const denied = response.httpResponse?.$case === 'deniedResponse' ? response.httpResponse.value : undefined;
    expect(denied?.body).toBe('this is not an API key: API keys begin with wk_live_');
  });
});

describe('an unknown credential is counted by its fault', () => {
  it('which the message does not name, because a forger must not learn it', async ({ node }) => {
    const key = await makeTokenKey('EdDSA');
    const token = await signToken(key, { iss: 'https://nobody.example.com' });
    for (const headers of [
      { 'x-api-key': 'wk_live_000000000000000000000046VdPo' },
      { authorization: `Bearer ${token}` },
      { authorization: `Bearer ${token}` },
    ]) {
      const denial = parseDenial(await check(node.decision, headers));
      expect(denial).toMatchObject({ code: 'unknown_credential', message: 'this API key or token is unknown' });
    }
    expect(await readCount(node, 'unknown_api_key')).toBe(1);
    expect(await readCount(node, 'issuer')).toBe(2);
  });
});
