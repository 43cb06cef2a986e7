import { describe, expect } from 'vitest';
import { RateLimitResponse_Code as Code } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { addedHeaders, check, httpStatus, parseDenial, shouldRateLimit } from '../../support/decision-calls.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const it = test;

/** A new access token of the administrator, whose account is on the plan `free`, and the account's id. */
async function accessToken(node: TestNode): Promise<{ authorization: string; account: string }> {
  const { authorization = '' } = await node.signIn();
  const claims = JSON.parse(Buffer.from(authorization.split('.')[1] ?? '', 'base64url').toString()) as { sub: string };
  return { authorization, account: claims.sub };
}

describe('an access token of our own', () => {
  it('lets its account in, on the account’s plan, and is not seen by the upstream', async ({ node }) => {
    const { authorization, account } = await accessToken(node);
    const answer = await check(node.decision, { authorization, 'x-weir-key': 'forged' });
    expect(addedHeaders(answer)).toMatchObject({ 'ratelimit-policy': '"minute";q=60;w=60, "day";q=1000;w=86400' });
    expect(answer.dynamicMetadata).toMatchObject({ account, plan: 'free' });
    expect(answer.dynamicMetadata).not.toHaveProperty('api_key');
    const ok = answer.httpResponse?.$case === 'okResponse' ? answer.httpResponse.value : undefined;
    expect(ok?.headers.map(({ header }) => [header?.key, header?.value])).toContainEqual(['x-weir-account', account]);
    expect(ok?.headersToRemove.toSorted()).toEqual(['authorization', 'x-weir-key']);
  });

  it('is charged what the account is in the domain plans: one budget', async ({ node }) => {
    const { authorization, account } = await accessToken(node);
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

  it('of many at once is verified apart from the calls beside them, each once', async ({ node }) => {
    const { authorization } = await accessToken(node);
    const [header, claims, signature = ''] = authorization.slice('Bearer '.length).split('.');
    const forged = Array.from({ length: 50 }, (_, which) => {
      const other = signature.slice(0, -4) + which.toString().padStart(4, 'A');
      return `Bearer ${header}.${claims}.${other}`;
    });
    const sent = [...forged, ...forged, authorization, authorization, ...forged];
    const answers = await Promise.all(sent.map((each) => check(node.decision, { authorization: each })));
    expect(answers.map(httpStatus)).toEqual(sent.map((each) => (each === authorization ? 200 : 401)));
  });

  it('has the features of its account’s plan, and no others', async ({ node }) => {
    const { authorization } = await accessToken(node);
    const refused = await check(node.decision, { authorization }, { 'weir.require': 'export' });
    expect([httpStatus(refused), parseDenial(refused)?.code]).toEqual([403, 'missing_feature']);
  });

  it('that is bad is refused also where a credential is optional, and told as RFC 6750 has it', async ({
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

  it('in x-api-key is no credential, and beside an API key is not looked at', async ({ node, administrator }) => {
    const token = (administrator.authorization ?? '').slice('Bearer '.length);
    expect(parseDenial(await check(node.decision, { 'x-api-key': token }))?.code).toBe('malformed_credential');
    const { secret } = await node.createKey(administrator, 'free');
    const answer = await check(node.decision, { 'x-api-key': secret, authorization: `Bearer ${token}` });
    expect(answer.dynamicMetadata).toHaveProperty('api_key');
  });
});
