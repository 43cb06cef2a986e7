import { expect } from 'vitest';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { Issuer, IssuerServiceService } from '../../../src/generated/weir/admin/v1/issuer_service.ts';
import { IssueTokenRequest, TokenServiceService } from '../../../src/generated/weir/admin/v1/token_service.ts';
import { check, parseDenial } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';
import { ADMINISTRATOR, type TestNode } from '../../support/node.ts';

const NAME = 'https://weir.example.com';

const it = test
  /** A node with another issuer name on the database of `node`, as after a change of the variable. */
  .extend('renamed', { scope: 'file' }, ({ startNode }) => startNode({ TOKEN_ISSUER: NAME }));

const signIn = (node: TestNode) => node.admin.call(AuthServiceService.login, ADMINISTRATOR);
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const claims = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
const issue = async (node: TestNode, accessToken: string) => {
  const request = IssueTokenRequest.fromPartial({ account: 'acme', plan: 'plans/free', ttl: '1h' });
  return (await node.admin.call(TokenServiceService.issueToken, request, bearer(accessToken))).token;
};
const getProfile = (node: TestNode, token: string) => node.admin.call(AuthServiceService.getProfile, {}, bearer(token));

it('TOKEN_ISSUER is the iss of access tokens and stateless tokens, and such tokens are accepted', async ({
  renamed,
}) => {
  const { accessToken } = await signIn(renamed);
  const stateless = await issue(renamed, accessToken);
  for (const token of [accessToken, stateless]) {
    expect(claims(token)).toMatchObject({ iss: NAME, aud: 'weir' });
    expect((await check(renamed.decision, bearer(token))).status?.code).toBe(0);
  }
  await getProfile(renamed, accessToken);
});

it('tokens with the former name are denied, and refresh tokens give tokens with the new one', async ({
  node,
  renamed,
}) => {
  const { accessToken, refreshToken } = await signIn(node);
  const stateless = await issue(node, accessToken);
  for (const token of [accessToken, stateless]) {
    expect(claims(token)).toMatchObject({ iss: 'weir' });
    const denied = await check(renamed.decision, bearer(token));
    expect(parseDenial(denied)).toMatchObject({ code: 'unknown_credential' });
    const error = await renamed.admin.callAndFail(AuthServiceService.getProfile, {}, bearer(token));
    expect(error.details).toContain('the access token is invalid');
  }
  const refreshed = await renamed.admin.call(AuthServiceService.refreshToken, { refreshToken });
  expect(claims(refreshed.accessToken)).toMatchObject({ iss: NAME });
  await getProfile(renamed, refreshed.accessToken);
});

it('no external issuer can have the name of Weir, as its own name or as an alias', async ({ renamed }) => {
  const { accessToken } = await signIn(renamed);
  const issuer = { audiences: ['a'], algorithms: ['RS256'], jwksUri: 'https://issuer.example/keys' };
  const create = (issuerId: string, names: Partial<Issuer>) => {
    const request = { issuerId, issuer: Issuer.fromPartial({ ...issuer, ...names }) };
    return renamed.admin.callAndFail(IssuerServiceService.createIssuer, request, bearer(accessToken));
  };
  expect((await create('a', { issuer: NAME })).details).toContain('issuer.issuer: must not be the TOKEN_ISSUER');
  const alias = await create('b', { issuer: 'https://other.example', issuerAliases: [NAME] });
  expect(alias.details).toContain('issuer.issuer_aliases[0]: must not be the TOKEN_ISSUER');
  expect((await create('c', { issuer: 'weir' })).details).toContain('issuer.issuer: must not be');
});
