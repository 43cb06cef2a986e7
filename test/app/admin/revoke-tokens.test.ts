import { randomUUID } from 'node:crypto';
import { describe, expect } from 'vitest';
import { AccountEntity } from '../../../src/database/entities/account-entity.ts';
import { openDatabase } from '../../../src/database/open-database.ts';
import {
  AuthServiceService,
  LoginRequest,
  RefreshTokenRequest,
} from '../../../src/generated/weir/admin/v1/auth_service.ts';
import {
  IssueTokenRequest,
  RevokeTokensRequest,
  TokenServiceService,
} from '../../../src/generated/weir/admin/v1/token_service.ts';
import { hashPassword } from '../../../src/identity/secrets/password.ts';
import { check, httpStatus } from '../../support/clients/decision-calls.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const it = test;

const [NOT_FOUND, UNAUTHENTICATED] = [5, 16];

const checkToken = async (node: TestNode, token: string) =>
  httpStatus(await check(node.decision, { authorization: `Bearer ${token}` }));

const PASSWORD = 'a long enough password';

/** Signs in with an account of its own, because a call revokes all tokens of an account that were issued lately. */
async function signIn(node: TestNode, databaseUrl: string) {
  const database = await openDatabase({ url: databaseUrl });
  const em = database.em.fork();
  const id = randomUUID();
  const email = `${id}@example.com`;
  em.create(AccountEntity, { id, email, passwordHash: await hashPassword(PASSWORD), role: 'user', planId: 'free' });
  await em.flush();
  await database.close(true);
  const tokens = await node.admin.call(AuthServiceService.login, LoginRequest.create({ email, password: PASSWORD }));
  await expect.poll(() => checkToken(node, tokens.accessToken)).toBe(200);
  return { ...tokens, account: id };
}

const revoke = (node: TestNode, headers: Headers, request: Partial<RevokeTokensRequest>) =>
  node.admin.call(TokenServiceService.revokeTokens, RevokeTokensRequest.fromPartial(request), headers);

const refresh = (refreshToken: string) => RefreshTokenRequest.create({ refreshToken });

describe('revoking the tokens of an account', () => {
  it.for(['a bare id', 'a resource name'])(
    'ends its sessions, given as %s',
    async (form, { node, administrator, databaseUrl }) => {
      const { accessToken, refreshToken, account } = await signIn(node, databaseUrl);
      await revoke(node, administrator, { account: form === 'a bare id' ? account : `accounts/${account}` });
      await expect.poll(() => checkToken(node, accessToken)).toBe(401);
      const failure = await node.admin.callAndFail(AuthServiceService.refreshToken, refresh(refreshToken));
      expect(failure.code).toBe(UNAUTHENTICATED);
    },
  );

  it('keeps the sessions that began after the given time', async ({ node, administrator, databaseUrl }) => {
    const { refreshToken, account } = await signIn(node, databaseUrl);
    const issuedBefore = new Date(Date.now() - 60_000);
    await revoke(node, administrator, { account, issuedBefore });
    const renewed = await node.admin.call(AuthServiceService.refreshToken, refresh(refreshToken));
    expect(await checkToken(node, renewed.accessToken)).toBe(200);
  });

  it('reports an account that it does not know, unless the request says whose it is', async ({
    node,
    administrator,
  }) => {
    const issueRequest = IssueTokenRequest.fromPartial({ account: 'robot', plan: 'plans/free', ttl: '1h' });
    const { token } = await node.admin.call(TokenServiceService.issueToken, issueRequest, administrator);
    for (const account of ['robot', 'accounts/00000000-0000-0000-0000-000000000000']) {
      const request = RevokeTokensRequest.fromPartial({ account });
      const failure = await node.admin.callAndFail(TokenServiceService.revokeTokens, request, administrator);
      expect([failure.code, failure.details]).toEqual([
        NOT_FOUND,
        `${account} (for stateless tokens, set issuer to issuers/weir) does not exist`,
      ]);
    }
    expect(await checkToken(node, token)).toBe(200);
    await revoke(node, administrator, { account: 'robot', issuer: 'issuers/weir' });
    await expect.poll(() => checkToken(node, token)).toBe(401);
  });
});
