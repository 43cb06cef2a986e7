import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { usePostgres } from '../../provision/postgres.ts';
import { AuthServiceService, LogoutRequest } from '../../src/generated/weir/admin/v1/auth_service.ts';
import {
  IssueTokenRequest,
  RevokeTokenRequest,
  RevokeTokensRequest,
  TokenServiceService,
} from '../../src/generated/weir/admin/v1/token_service.ts';
import type { Headers } from '../support/grpc.ts';
import { ADMINISTRATOR, TestNode } from '../support/node.ts';
import { check, errorOf, headersOf, statusOf } from '../support/questions.ts';

const WITHIN_MS = 1000;

const databaseUrl = usePostgres();
/** One that issues, one that only follows. */
let node: TestNode;
let following: TestNode;
let administrator: Headers;

beforeAll(async () => {
  const shared = { DATABASE_URL: await databaseUrl() };
  node = await TestNode.start(shared);
  following = await TestNode.start({ ...shared, WEIR_ROLE: 'decision' });
  administrator = await node.signIn();
});
afterAll(async () => {
  await following?.stop();
  await node?.stop();
});

const issue = (fields: Parameters<typeof IssueTokenRequest.fromPartial>[0]) =>
  node.admin.call(
    TokenServiceService.issueToken,
    IssueTokenRequest.fromPartial({ ttl: '1h', ...fields }),
    administrator,
  );
const ask = (token: string, extensions: Record<string, string> = {}, asked = node) =>
  check(asked.decision, { authorization: `Bearer ${token}` }, extensions);

/** What every node answers of a token, at the latest when a change has to be known everywhere. */
async function codesWithin(token: string, expected: string | undefined): Promise<(string | undefined)[]> {
  const latest = performance.now() + WITHIN_MS;
  for (;;) {
    const codes = [];
    for (const asked of [node, following]) codes.push(errorOf(await ask(token, {}, asked))?.code);
    if (codes.every((code) => code === expected) || performance.now() > latest) return codes;
    await sleep(20);
  }
}

describe('a stateless token', () => {
  it('lets in an account that no catalog knows, on the plan that it names, on every node', async () => {
    const { token } = await issue({ account: 'a customer', plan: 'plans/free' });
    for (const asked of [node, following]) {
      const answer = await ask(token, {}, asked);
      expect(headersOf(answer)).toMatchObject({ 'ratelimit-policy': '"minute";q=60;w=60, "day";q=1000;w=86400' });
      expect(answer.dynamicMetadata).toMatchObject({ account: 'a customer', plan: 'free' });
    }
  });

  it('has limits of its own, which are exact', async () => {
    const { token } = await issue({ account: 'limited', limits: [{ name: 'own', requests: 3, window: '60s' }] });
    const statuses = [];
    for (let time = 0; time < 5; time++) statuses.push(statusOf(await ask(token)));
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
  });

  it('has features of its own beside its plan’s', async () => {
    const { token } = await issue({ account: 'featured', plan: 'plans/pro', features: ['export'] });
    expect(statusOf(await ask(token, { 'weir.require': 'export' }))).toBe(200);
    expect(errorOf(await ask(token, { 'weir.require': 'bulk' }))?.code).toBe('missing_feature');
  });

  it('may be for an account of the catalog, whose plan then counts', async () => {
    const [, claims = ''] = (administrator.authorization ?? '').split('.');
    const { sub } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { sub: string };
    const { token } = await issue({ account: sub });
    expect((await ask(token)).dynamicMetadata).toMatchObject({ account: sub, plan: 'free' });
  });
});

describe('on every node within a second', () => {
  const forOne = { account: 'somebody', plan: 'plans/pro' };

  it('a token is refused that was revoked by itself, and no other', async () => {
    const [{ token }, other] = [await issue(forOne), await issue(forOne)];
    expect(await codesWithin(token, undefined)).toEqual([undefined, undefined]);
    const request = RevokeTokenRequest.fromPartial({ token });
    for (const _ of ['once', 'and again'])
      await node.admin.call(TokenServiceService.revokeToken, request, administrator);
    expect(errorOf(await ask(token))?.code).toBe('revoked_credential');
    expect(await codesWithin(token, 'revoked_credential')).toEqual(['revoked_credential', 'revoked_credential']);
    expect(await codesWithin(other.token, undefined)).toEqual([undefined, undefined]);
  });

  it('a token is refused that was revoked by its id', async () => {
    const { token, tokenId, expireTime } = await issue(forOne);
    const request = RevokeTokenRequest.fromPartial({ tokenId, ...(expireTime && { expireTime }) });
    await node.admin.call(TokenServiceService.revokeToken, request, administrator);
    expect(await codesWithin(token, 'revoked_credential')).toEqual(['revoked_credential', 'revoked_credential']);
  });

  it('the tokens of an account are refused that were issued before, and none of another account', async () => {
    const [mine, others] = [await issue({ ...forOne, account: 'mine' }), await issue({ ...forOne, account: 'others' })];
    const request = RevokeTokensRequest.fromPartial({ account: 'mine' });
    await node.admin.call(TokenServiceService.revokeTokens, request, administrator);
    expect(await codesWithin(mine.token, 'revoked_credential')).toEqual(['revoked_credential', 'revoked_credential']);
    expect(await codesWithin(others.token, undefined)).toEqual([undefined, undefined]);
    await sleep(1000); // tokens tell their time in whole seconds
    const { token } = await issue({ ...forOne, account: 'mine' });
    expect(await codesWithin(token, undefined)).toEqual([undefined, undefined]);
  });

  it.each(['access', 'refresh'])(
    'a session is ended by its %s token, and its access tokens are refused',
    async (by) => {
      const { accessToken, refreshToken } = await node.admin.call(AuthServiceService.login, ADMINISTRATOR);
      expect(await codesWithin(accessToken, undefined)).toEqual([undefined, undefined]);
      const headers = { authorization: `Bearer ${accessToken}` };
      const request = LogoutRequest.fromPartial(by === 'refresh' ? { refreshToken } : {});
      await node.admin.call(AuthServiceService.logout, request, by === 'refresh' ? {} : headers);
      expect(await codesWithin(accessToken, 'revoked_credential')).toEqual([
        'revoked_credential',
        'revoked_credential',
      ]);
      await node.admin.failing(AuthServiceService.refreshToken, { refreshToken });
      expect(statusOf(await ask(administrator.authorization?.slice('Bearer '.length) ?? ''))).toBe(200);
    },
  );

  it('a session ends whose refresh token was used twice', async () => {
    const { accessToken, refreshToken } = await node.admin.call(AuthServiceService.login, ADMINISTRATOR);
    await node.admin.call(AuthServiceService.refreshToken, { refreshToken });
    await node.admin.failing(AuthServiceService.refreshToken, { refreshToken });
    expect(await codesWithin(accessToken, 'revoked_credential')).toEqual(['revoked_credential', 'revoked_credential']);
  });
});

it('tokens with HS256 are verified on every node that has the secret of the signing keys, and on no other', async () => {
  const shared = { DATABASE_URL: await databaseUrl(), TOKEN_ALGORITHM: 'HS256' };
  const nodes = [
    await TestNode.start(shared),
    await TestNode.start({ ...shared, WEIR_ROLE: 'decision' }),
    await TestNode.start({ ...shared, WEIR_ROLE: 'decision', SIGNING_KEY_SECRET: '' }),
  ];
  const [issuing = expect.fail()] = nodes;
  const authorization = (await issuing.signIn()).authorization ?? '';
  const statuses = [];
  for (const each of nodes) statuses.push(statusOf(await check(each.decision, { authorization })));
  expect(statuses).toEqual([200, 200, 401]);
  for (const each of nodes) await each.stop();
});
