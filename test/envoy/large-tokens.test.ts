import { describe, expect, vi } from 'vitest';
import { ApiKeyServiceService, ListApiKeysRequest } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { check, httpStatus } from '../support/clients/decision-calls.ts';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { test } from '../support/fixtures.ts';
import { makeTokenKey, signToken } from '../support/servers/identity-provider.ts';
import { waitUntil } from '../support/wait-until.ts';

const ISSUER = 'https://corp.example.com';

const it = test.extend('createToken', { scope: 'file' }, async ({ node, issuers }) => {
  const key = await makeTokenKey('RS256');
  await issuers.add('corp', ISSUER, { algorithms: ['RS256'], jwks: { keys: [key.publicJwk] } });
  /** Signs a token of about as many bytes, with roles that Weir does not read. */
  const createToken = (bytes: number) => signToken(key, { iss: ISSUER, roles: ['x'.repeat(bytes * 0.75 - 500)] });
  const authorization = `Bearer ${await createToken(1_000)}`;
  await waitUntil(async () => httpStatus(await check(node.decision, { authorization })) === 200);
  return createToken;
});

describe('a token of up to 16 KiB', () => {
  it('is accepted behind a real Envoy, which sends it to Weir and not to the upstream', async ({
    envoy,
    createToken,
  }) => {
    for (const bytes of [9_451, 16_000]) {
      const token = await createToken(bytes);
      expect(token.length).toBeGreaterThan(bytes - 100);
      const headers: [string, string][] = [['authorization', `Bearer ${token}`]];
      const { status, received } = await sendThrough(envoy, { path: '/orders', headers });
      expect(status).toBe(200);
      expect(received?.headers.filter((header) => header.startsWith('authorization'))).toEqual([]);
    }
  });

  it('is malformed if it is longer, as the response says', async ({ envoy, createToken }) => {
    const headers: [string, string][] = [['authorization', `Bearer ${await createToken(17_000)}`]];
    const { status, response } = await sendThrough(envoy, { path: '/orders', headers });
    expect(status).toBe(401);
    expect(JSON.parse(response.body).error).toMatchObject({
      code: 'malformed_credential',
      message: 'this token is too long: tokens have at most 16384 bytes',
    });
  });

  it('is read by the admin API, too', async ({ node, createToken }) => {
    const list = ListApiKeysRequest.fromPartial({ pageSize: 1 });
    const call = (token: string) =>
      node.admin.call(ApiKeyServiceService.listApiKeys, list, { authorization: `Bearer ${token}` });
    // A valid token whose account is not in the catalog. The admin API may learn of the issuer after the decisions did.
    const token = await createToken(16_000);
    await vi.waitFor(() => expect(call(token)).rejects.toThrow(/PERMISSION_DENIED/), { timeout: 20_000, interval: 20 });
    await expect(call(await createToken(17_000))).rejects.toThrow(/UNAUTHENTICATED/);
  });
});
