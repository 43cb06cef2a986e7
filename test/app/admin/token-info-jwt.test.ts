import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { describe, expect } from 'vitest';
import { CreateIssuerRequest, IssuerServiceService } from '../../../src/generated/weir/admin/v1/issuer_service.ts';
import {
  GetTokenInfoResponse_State as State,
  TokenInfoServiceService,
} from '../../../src/generated/weir/admin/v1/token_info_service.ts';
import { IssueTokenRequest, TokenServiceService } from '../../../src/generated/weir/admin/v1/token_service.ts';
import { check, parseDenial } from '../../support/clients/decision-calls.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const NOT_FOUND = 5;
const INVALID_ARGUMENT = 3;

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const it = test.extend('following', { scope: 'file' }, ({ startNode }) => startNode({ WEIR_ROLE: 'decision' }));
it.beforeAll(async ({ node, administrator }) => {
  const issuer = {
    issuer: 'https://login.example.com',
    audiences: ['api'],
    algorithms: ['ES256'],
    jwks: { keys: [publicKey.export({ format: 'jwk' })] },
    defaultPlan: 'plans/pro',
  };
  const request = CreateIssuerRequest.fromPartial({ issuerId: 'partner', issuer });
  await node.admin.call(IssuerServiceService.createIssuer, request, administrator);
});

const getInfo = (node: TestNode, secret: string) => node.admin.call(TokenInfoServiceService.getTokenInfo, { secret });
const issueToken = async (
  node: TestNode,
  administrator: Headers,
  fields: Parameters<typeof IssueTokenRequest.fromPartial>[0],
) => {
  const request = IssueTokenRequest.fromPartial({ ttl: '1h', ...fields });
  return node.admin.call(TokenServiceService.issueToken, request, administrator);
};
const signExternalToken = (claims: object) =>
  new SignJWT({
    iss: 'https://login.example.com',
    aud: 'api',
    sub: 'bob',
    exp: Math.floor(Date.now() / 1000) + 600,
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256' })
    .sign(privateKey);
const mapNames = (limits: readonly { readonly name: string }[]) => limits.map(({ name }) => name);

describe('token info of a JWT', () => {
  it('reports the plan of an access token’s account and what remains of it', async ({ node, administrator }) => {
    const { authorization = '' } = administrator;
    await check(node.decision, { authorization });
    const info = await getInfo(node, authorization.slice('Bearer '.length));
    expect(info).toMatchObject({
      state: State.VALID,
      apiKey: '',
      account: expect.stringMatching(/^accounts\//),
      plan: 'plans/free',
      role: '',
    });
    expect(mapNames(info.limits)).toEqual(['minute', 'day']);
    expect(info.remaining.map(({ limit, remaining }) => [limit, remaining])).toEqual([
      ['plans/free/minute', 59],
      ['plans/free/day', 999],
    ]);
  });

  it('reports the limits, features and role of a stateless token together with its plan, on every node', async ({
    node,
    following,
    administrator,
  }) => {
    const limits = [{ name: 'own', requests: 3, window: '60s' }];
    const { token, tokenId, expireTime } = await issueToken(node, administrator, {
      account: 'a customer',
      plan: 'plans/free',
      limits,
      features: ['export'],
      role: 'admin',
    });
    for (const either of [node, following]) {
      const info = await getInfo(either, token);
      expect(info).toMatchObject({
        state: State.VALID,
        tokenId,
        account: 'a customer',
        plan: 'plans/free',
        features: ['export'],
        role: 'admin',
        expireTime,
      });
      expect(mapNames(info.limits)).toEqual(['minute', 'day', 'own']);
    }
  });

  it('reports the counted account of an external token and the plan of its issuer', async ({ node }) => {
    expect(await getInfo(node, await signExternalToken({ jti: '1' }))).toMatchObject({
      state: State.VALID,
      tokenId: '1',
      account: 'partner:bob',
      plan: 'plans/pro',
    });
  });

  it('distinguishes valid, expired, disabled and unknown tokens', async ({ node, administrator }) => {
    const { token } = await issueToken(node, administrator, { account: 'somebody', plan: 'plans/pro' });
    expect((await getInfo(node, token)).state).toBe(State.VALID);
    await node.admin.call(TokenInfoServiceService.disableToken, { secret: token });
    expect(await getInfo(node, token)).toMatchObject({ state: State.DISABLED, account: 'somebody', plan: 'plans/pro' });
    expect((await getInfo(node, await signExternalToken({ exp: 1 }))).state).toBe(State.EXPIRED);
    const [header, claims, signature = ''] = (
      await issueToken(node, administrator, { account: 'x', plan: 'plans/pro' })
    ).token.split('.');
    const forged = `${header}.${claims}.${signature.slice(0, -4)}AAAA`;
    for (const unknown of [
      forged,
      'x.y.z',
      'x',
      await signExternalToken({ aud: 'other' }),
      await signExternalToken({ iss: 'https://evil.example.com' }),
    ]) {
      const info = await getInfo(node, unknown);
      expect([info.state, info.account, info.plan]).toEqual([State.UNKNOWN, '', '']);
    }
  });
});

describe('the holder of a JWT', () => {
  it('disables it with nothing but the token; a second call changes nothing', async ({ node }) => {
    const token = await signExternalToken({ jti: 'leaked' });
    const ask = async () => parseDenial(await check(node.decision, { authorization: `Bearer ${token}` }))?.code;
    expect(await ask()).toBeUndefined();
    for (const _ of ['first', 'second']) await node.admin.call(TokenInfoServiceService.disableToken, { secret: token });
    expect(await ask()).toBe('revoked_credential');
  });

  it('cannot disable a token without an id or without a valid signature', async ({ node }) => {
    const failing = (secret: string) => node.admin.callAndFail(TokenInfoServiceService.disableToken, { secret });
    expect((await failing(await signExternalToken({}))).code).toBe(INVALID_ARGUMENT);
    expect((await failing('x.y.z')).code).toBe(NOT_FOUND);
    expect((await failing(await signExternalToken({ aud: 'other' }))).code).toBe(NOT_FOUND);
  });
});
