import { expect } from 'vitest';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import {
  type IssuedToken,
  IssueTokenRequest,
  RevokeTokensRequest,
  TokenServiceService,
} from '../../../src/generated/weir/admin/v1/token_service.ts';
import { hashPassword } from '../../../src/identity/secrets/password.ts';
import { check, parseDenial } from '../../support/clients/decision-calls.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import { TestNode } from '../../support/node.ts';
import type { IssuerTable } from '../../support/servers/identity-provider.ts';
import { waitUntil } from '../../support/wait-until.ts';

const INVALID_ARGUMENT = 3;
const UNAUTHENTICATED = 16;

const PASSWORD = 'the password of another administrator';
const lines: string[] = [];
const keep = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);

const it = test
  .extend('logged', { scope: 'file' }, async ({ nodeEnvironment }, { onCleanup }) => {
    const node = await TestNode.start(nodeEnvironment, { info: keep, warn: keep, error: keep });
    onCleanup(() => node.stop());
    return node;
  })
  .extend('admin', { scope: 'file' }, ({ logged }) => logged.signIn());

const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` });
const issue = (node: TestNode, headers: Headers, fields: object = {}) =>
  node.admin.call(
    TokenServiceService.issueToken,
    IssueTokenRequest.fromPartial({ account: 'robot', role: 'admin', ttl: '30d', plan: 'plans/free', ...fields }),
    headers,
  );

async function list(node: TestNode, headers: Headers, pageSize = 2): Promise<IssuedToken[]> {
  const tokens: IssuedToken[] = [];
  let pageToken = '';
  do {
    const page = await node.admin.call(TokenServiceService.listIssuedTokens, { pageSize, pageToken }, headers);
    tokens.push(...page.tokens);
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return tokens;
}

/** Adds another administrator and signs in. Returns the account's id and the headers of further calls. */
async function addAdministrator(node: TestNode, issuers: IssuerTable, id: string) {
  const email = `${id}@example.com`;
  await issuers.run(
    `insert into account (id, email, password_hash, role, plan_id, create_time, update_time)
     values (?, ?, ?, 'admin', 'free', now(), now())`,
    id,
    email,
    await hashPassword(PASSWORD),
  );
  const { accessToken } = await node.admin.call(AuthServiceService.login, { email, password: PASSWORD });
  return { id, headers: bearer(accessToken) };
}

async function expectRevoked(node: TestNode, token: string): Promise<void> {
  const listPlans = { pageSize: 1, pageToken: '' };
  await waitUntil(async () => {
    const denial = parseDenial(await check(node.decision, { authorization: `Bearer ${token}` }));
    return denial?.code === 'revoked_credential';
  });
  // The admin plane follows the catalog by itself.
  const readCode = () =>
    node.admin.call(PlanServiceService.listPlans, listPlans, bearer(token)).then(
      () => 0,
      (error: { code: number }) => error.code,
    );
  await waitUntil(async () => (await readCode()) === UNAUTHENTICATED);
}

it('administrator tokens are listed with their issuing account until they are revoked', async ({ logged, admin }) => {
  const issued = [await issue(logged, admin), await issue(logged, admin), await issue(logged, admin)];
  const [first] = issued;
  const child = await issue(logged, bearer(first?.token ?? ''), { account: 'child' });
  await issue(logged, admin, { role: '', ttl: '366d' });
  const listed = await list(logged, admin);
  expect(listed.map(({ tokenId }) => tokenId).sort()).toEqual([...issued, child].map(({ tokenId }) => tokenId).sort());
  expect(new Set(listed.map(({ issuedBy }) => issuedBy)).size).toBe(1);
  expect(listed.find(({ tokenId }) => tokenId === child.tokenId)).toMatchObject({
    account: 'child',
    role: 'admin',
    expireTime: child.expireTime,
  });
  for (const { token } of [...issued, child]) {
    await logged.admin.call(
      TokenServiceService.revokeToken,
      { token, tokenId: '', issuer: '', expireTime: undefined },
      admin,
    );
  }
  expect(await list(logged, admin)).toEqual([]);
});

it('an administrator token lives for at most 30 days', async ({ logged, admin }) => {
  const request = IssueTokenRequest.fromPartial({ account: 'robot', role: 'admin', ttl: '31d' });
  const error = await logged.admin.callAndFail(TokenServiceService.issueToken, request, admin);
  expect(error).toMatchObject({
    code: INVALID_ARGUMENT,
    details: 'ttl: must be at most 30d for the role admin (got "31d")',
  });
});

it.for<readonly [string, string]>([
  ['is deleted', 'delete from session where account_id = ?; delete from account where id = ?'],
  ['is no longer an administrator’s', `update account set role = 'user' where id = ? or id = ?`],
])(
  'tokens are revoked, and those that they have issued, when the account that issued them %s',
  async ([how, sql], { logged, admin, issuers }) => {
    const id = crypto.randomUUID();
    const { headers } = await addAdministrator(logged, issuers, id);
    const parent = await issue(logged, headers);
    const child = await issue(logged, bearer(parent.token));
    const other = await issue(logged, admin);
    for (const statement of sql.split(';'))
      await issuers.run(statement, ...(statement.match(/\?/g) ?? []).map(() => id));
    await expectRevoked(logged, parent.token);
    await expectRevoked(logged, child.token);
    expect((await list(logged, admin)).map(({ tokenId }) => tokenId)).toContain(other.tokenId);
    expect(how).not.toBe('');
  },
);

it('RevokeTokens revokes what the account has issued', async ({ logged, admin, issuers }) => {
  const id = crypto.randomUUID();
  const { headers } = await addAdministrator(logged, issuers, id);
  const { token } = await issue(logged, headers);
  await logged.admin.call(TokenServiceService.revokeTokens, RevokeTokensRequest.fromPartial({ account: id }), admin);
  await expectRevoked(logged, token);
});

it('sign-ins are counted, and logged with address and account, never with the e-mail address', async ({
  logged,
  issuers,
}) => {
  const id = crypto.randomUUID();
  await addAdministrator(logged, issuers, id);
  const email = `${id}@example.com`;
  await logged.admin.callAndFail(AuthServiceService.login, { email, password: 'wrong' });
  await logged.admin.callAndFail(AuthServiceService.login, { email: 'nobody@example.com', password: 'wrong' });
  const signIns = lines.filter(
    (line) => line.startsWith('sign-in') && (line.includes(id) || !line.includes('account')),
  );
  expect(signIns.map((line) => line.split(' {')[0])).toEqual(['sign-in succeeded', 'sign-in failed', 'sign-in failed']);
  expect(signIns.every((line) => line.includes('"peer":"127.0.0.1"'))).toBe(true);
  expect(lines.join('\n')).not.toContain('@example.com');
  const metrics = await logged.metrics();
  expect(metrics).toMatch(/weir_sign_ins_total\{outcome="ok"\} [1-9]/);
  expect(metrics).toMatch(/weir_sign_ins_total\{outcome="wrong_credentials"\} 2/);
});
