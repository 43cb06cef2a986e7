import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CreateIssuerRequest, IssuerServiceService } from '../../../src/generated/weir/admin/v1/issuer_service.ts';
import {
  GetTokenInfoResponse_State as State,
  TokenInfoServiceService,
} from '../../../src/generated/weir/admin/v1/token_info_service.ts';
import { IssueTokenRequest, TokenServiceService } from '../../../src/generated/weir/admin/v1/token_service.ts';
import { newDatabase } from '../../support/databases.ts';
import { check, parseDenial } from '../../support/decision-calls.ts';
import type { Headers } from '../../support/grpc-client.ts';
import { TestNode } from '../../support/node.ts';

const NOT_FOUND = 5;
const INVALID_ARGUMENT = 3;

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
let node: TestNode;
let following: TestNode;
let administrator: Headers;

beforeAll(async () => {
  const shared = { DATABASE_URL: await newDatabase() };
  node = await TestNode.start(shared);
  following = await TestNode.start({ ...shared, WEIR_ROLE: 'decision' });
  administrator = await node.signIn();
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
afterAll(async () => {
  await following?.stop();
  await node?.stop();
});

const infoOf = (secret: string, asked = node) => asked.admin.call(TokenInfoServiceService.getTokenInfo, { secret });
const issue = async (fields: Parameters<typeof IssueTokenRequest.fromPartial>[0]) => {
  const request = IssueTokenRequest.fromPartial({ ttl: '1h', ...fields });
  return node.admin.call(TokenServiceService.issueToken, request, administrator);
};
const signed = (claims: object) =>
  new SignJWT({
    iss: 'https://login.example.com',
    aud: 'api',
    sub: 'bob',
    exp: Math.floor(Date.now() / 1000) + 600,
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256' })
    .sign(privateKey);
const namesOf = (limits: readonly { readonly name: string }[]) => limits.map(({ name }) => name);

describe('token info of a JWT tells', () => {
  it('of an access token its account’s plan, and what remains of it', async () => {
    const { authorization = '' } = administrator;
    await check(node.decision, { authorization });
    const info = await infoOf(authorization.slice('Bearer '.length));
    expect(info).toMatchObject({
      state: State.VALID,
      apiKey: '',
      account: expect.stringMatching(/^accounts\//),
      plan: 'plans/free',
      role: '',
    });
    expect(namesOf(info.limits)).toEqual(['minute', 'day']);
    expect(info.remaining.map(({ limit, remaining }) => [limit, remaining])).toEqual([
      ['plans/free/minute', 59],
      ['plans/free/day', 999],
    ]);
  });

  it('of a stateless token what it says itself beside its plan, on every node', async () => {
    const limits = [{ name: 'own', requests: 3, window: '60s' }];
    const { token, tokenId, expireTime } = await issue({
      account: 'a customer',
      plan: 'plans/free',
      limits,
      features: ['export'],
      role: 'admin',
    });
    for (const asked of [node, following]) {
      const info = await infoOf(token, asked);
      expect(info).toMatchObject({
        state: State.VALID,
        tokenId,
        account: 'a customer',
        plan: 'plans/free',
        features: ['export'],
        role: 'admin',
        expireTime,
      });
      expect(namesOf(info.limits)).toEqual(['minute', 'day', 'own']);
    }
  });

  it('of an issuer’s token its account as it is counted, and the issuer’s plan', async () => {
    expect(await infoOf(await signed({ jti: '1' }))).toMatchObject({
      state: State.VALID,
      tokenId: '1',
      account: 'partner:bob',
      plan: 'plans/pro',
    });
  });

  it('valid, expired, disabled and unknown apart', async () => {
    const { token } = await issue({ account: 'somebody', plan: 'plans/pro' });
    expect((await infoOf(token)).state).toBe(State.VALID);
    await node.admin.call(TokenInfoServiceService.disableToken, { secret: token });
    expect(await infoOf(token)).toMatchObject({ state: State.DISABLED, account: 'somebody', plan: 'plans/pro' });
    expect((await infoOf(await signed({ exp: 1 }))).state).toBe(State.EXPIRED);
    const [header, claims, signature = ''] = (await issue({ account: 'x', plan: 'plans/pro' })).token.split('.');
    const forged = `${header}.${claims}.${signature.slice(0, -4)}AAAA`;
    for (const unknown of [
      forged,
      'x.y.z',
      'x',
      await signed({ aud: 'other' }),
      await signed({ iss: 'https://evil.example.com' }),
    ]) {
      const info = await infoOf(unknown);
      expect([info.state, info.account, info.plan]).toEqual([State.UNKNOWN, '', '']);
    }
  });
});

describe('a JWT can be ended with itself', () => {
  it('and is refused from then on; again is the same', async () => {
    const token = await signed({ jti: 'leaked' });
    const ask = async () => parseDenial(await check(node.decision, { authorization: `Bearer ${token}` }))?.code;
    expect(await ask()).toBeUndefined();
    for (const _ of ['once', 'and again'])
      await node.admin.call(TokenInfoServiceService.disableToken, { secret: token });
    expect(await ask()).toBe('revoked_credential');
  });

  it('unless it has no id, or nobody has signed it', async () => {
    const failing = (secret: string) => node.admin.callAndFail(TokenInfoServiceService.disableToken, { secret });
    expect((await failing(await signed({}))).code).toBe(INVALID_ARGUMENT);
    expect((await failing('x.y.z')).code).toBe(NOT_FOUND);
    expect((await failing(await signed({ aud: 'other' }))).code).toBe(NOT_FOUND);
  });
});
