import { describe, expect } from 'vitest';
import { RateLimitResponse_Code as Code } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { addedHeaders, check, httpStatus, parseDenial, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const it = test;

/** Returns a new access token of the administrator, whose account is on the plan `free`, and the id of the account. */
async function createAccessToken(node: TestNode): Promise<{ authorization: string; account: string }> {
  const { authorization = '' } = await node.signIn();
  const claims = JSON.parse(Buffer.from(authorization.split('.')[1] ?? '', 'base64url').toString()) as { sub: string };
  return { authorization, account: claims.sub };
}

describe('an access token of Weir', () => {
  it('authenticates its account on the account’s plan, and does not reach the upstream', async ({ node }) => {
    const { authorization, account } = await createAccessToken(node);
    const answer = await check(node.decision, { authorization, 'x-weir-key': 'forged' });
    expect(addedHeaders(answer)).toMatchObject({ 'ratelimit-policy': '"minute";q=60;w=60, "day";q=1000;w=86400' });
    expect(answer.dynamicMetadata).toMatchObject({ account, plan: 'free' });
    expect(answer.dynamicMetadata).not.toHaveProperty('api_key');
    const ok = answer.httpResponse?.$case === 'okResponse' ? answer.httpResponse.value : undefined;
    expect(ok?.headers.map(({ header }) => [header?.key, header?.value])).toContainEqual(['x-weir-account', account]);
    expect(ok?.headersToRemove.toSorted()).toEqual(['authorization', 'x-weir-key']);
  });

  it('shares one budget with its account in the domain plans', async ({ node }) => {
    const { authorization, account } = await createAccessToken(node);
    const remaining = async () =>
      Number(
        addedHeaders(await check(node.decision, { authorization }, { 'weir.cost': '0' }))['x-ratelimit-remaining'],
      );
    const before = await remaining();
    const answer = await shouldRateLimit(node.decision, 'plans', ['account', account]);
    expect(answer.overallCode).toBe(Code.OK);
    expect(await remaining()).toBe(before - 1);
    await check(node.decision, { authorization }, { 'weir.cost': '10' });
    expect(await remaining()).toBe(before - 11);
    await check(node.decision, { authorization }, { 'weir.rate_limit': 'off' });
    expect(await remaining()).toBe(before - 11);
  });

  it('is verified separately from the forged tokens of the same batch', async ({ node }) => {
    const { authorization } = await createAccessToken(node);
    const [header, claims, signature = ''] = authorization.slice('Bearer '.length).split('.');
    const forged = Array.from({ length: 50 }, (_, index) => {
      const otherSignature = signature.slice(0, -4) + index.toString().padStart(4, 'A');
      return `Bearer ${header}.${claims}.${otherSignature}`;
    });
    const sent = [...forged, ...forged, authorization, authorization, ...forged];
    const answers = await Promise.all(sent.map((each) => check(node.decision, { authorization: each })));
    expect(answers.map(httpStatus)).toEqual(sent.map((each) => (each === authorization ? 200 : 401)));
  });

  it('has only the features of its account’s plan', async ({ node }) => {
    const { authorization } = await createAccessToken(node);
    const denied = await check(node.decision, { authorization }, { 'weir.require': 'export' });
    expect([httpStatus(denied), parseDenial(denied)?.code]).toEqual([403, 'missing_feature']);
  });

  it('is denied if it is invalid, even if credentials are optional, with the header of RFC 6750', async ({
    node,
    administrator,
  }) => {
    const [header, claims] = (administrator.authorization ?? '').slice('Bearer '.length).split('.');
    const authorization = `Bearer ${header}.${claims}.${'A'.repeat(86)}`;
    for (let time = 0; time < 2; time++) {
      const answer = await check(node.decision, { authorization }, { 'weir.auth': 'optional' });
      expect([httpStatus(answer), parseDenial(answer)?.code]).toEqual([401, 'unknown_credential']);
      const denied = answer.httpResponse?.$case === 'deniedResponse' ? answer.httpResponse.value : undefined;
      const headers = Object.fromEntries(denied?.headers.map(({ header: h }) => [h?.key, h?.value]) ?? []);
      expect(headers['www-authenticate']).toBe('Bearer realm="api", error="invalid_token"');
    }
  });

  it('is no credential in x-api-key, and is ignored next to an API key', async ({ node, administrator }) => {
    const token = (administrator.authorization ?? '').slice('Bearer '.length);
    expect(parseDenial(await check(node.decision, { 'x-api-key': token }))?.code).toBe('malformed_credential');
    const { secret } = await node.createKey(administrator, 'free');
    const answer = await check(node.decision, { 'x-api-key': secret, authorization: `Bearer ${token}` });
    expect(answer.dynamicMetadata).toHaveProperty('api_key');
  });
});
