import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { expect } from 'vitest';
import { AccountServiceService, DeleteAccountRequest } from '../../../src/generated/weir/admin/v1/account_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { callAs, limitTest, login, repeat } from '../limited-calls.ts';

const { OK, UNAUTHENTICATED, RESOURCE_EXHAUSTED } = status;

const RULES = `
domain: admin
descriptors:
  - key: outcome
    value: wrong_password
    descriptors:
      - key: account
        rate_limit: {requests: 4, window: 15m}
        descriptors:
          - {key: remote_address, rate_limit: {requests: 3, window: 15m}}
`;

const it = limitTest.override('rules', RULES);

it('strangers who use them up lock out only networks that have never signed in', async ({ node, createAccount }) => {
  const { email, password } = await createAccount();
  const home = '2001:db8:a::';
  expect((await login(node, `${home}1`, email, password)).code).toBe(OK);
  expect(await repeat(2, () => login(node, '192.0.2.1', email))).toEqual(Array(2).fill(UNAUTHENTICATED));
  expect(await repeat(2, () => login(node, '192.0.2.2', email))).toEqual(Array(2).fill(UNAUTHENTICATED));
  expect((await login(node, '192.0.2.3', email, password)).code).toBe(RESOURCE_EXHAUSTED);
  expect((await login(node, `${home}2`, email, password)).code).toBe(OK);
  // A known network still has its own limit, and strangers their own.
  expect(await repeat(4, () => login(node, `${home}3`, email))).toEqual([
    ...Array(3).fill(UNAUTHENTICATED),
    RESOURCE_EXHAUSTED,
  ]);
  expect((await login(node, `${home}1`, email, password)).code).toBe(RESOURCE_EXHAUSTED);
});

it('an access token exempts its holder from no limit of wrong passwords', async ({ node, createAccount }) => {
  const { email, password } = await createAccount();
  const { accessToken } = await node.admin.call(AuthServiceService.login, { email, password });
  const guess = (host: number, attempt = 'wrong') =>
    callAs(
      `198.51.100.${host}`,
      node,
      AuthServiceService.deactivateAccount,
      { password: attempt },
      {
        authorization: `Bearer ${accessToken}`,
      },
    );
  for (let host = 1; host <= 4; host++) expect((await guess(host)).code).toBe(UNAUTHENTICATED);
  expect((await guess(5, password)).code).toBe(RESOURCE_EXHAUSTED);
});

it('a flood of rejected calls has one audit event for its network and method', async ({ node, query }) => {
  const email = `${randomUUID()}@example.com`;
  const codes = await repeat(8, () => login(node, '192.0.2.41', email));
  expect(codes.slice(3)).toEqual(Array(5).fill(RESOURCE_EXHAUSTED));
  const sql = `select peer, method from audit_event where result = 'TOO_MANY_CALLS' and peer = '192.0.2.41'`;
  const event = { peer: '192.0.2.41', method: 'weir.admin.v1.AuthService/Login' };
  await expect.poll(() => query(sql, [])).toEqual([event]);
});

it('a deleted account leaves no networks behind', async ({ node, administrator, createAccount, query }) => {
  const { email, password } = await createAccount();
  await login(node, '192.0.2.51', email, password);
  const sql = `select account_id as id from sign_in_network where network = '192.0.2.51'`;
  const [row] = await query(sql, []);
  const { id } = row as { id: string };
  const request = DeleteAccountRequest.fromPartial({ name: `accounts/${id}` });
  await node.admin.call(AccountServiceService.deleteAccount, request, administrator);
  expect(await query(sql, [])).toEqual([]);
});

it('the network of a sign-up is remembered as well', async ({ node, query }) => {
  const email = `${randomUUID()}@example.com`;
  const request = { email, password: 'the password of a user', displayName: '' };
  expect((await callAs('192.0.2.31', node, AuthServiceService.register, request)).code).toBe(OK);
  const sql = `select network from sign_in_network join account on id = account_id where email = ?`;
  expect(await query(sql, [email])).toEqual([{ network: '192.0.2.31' }]);
});

it('the answers for an e-mail address without an account are the same', async ({ node }) => {
  const email = `${randomUUID()}@example.com`;
  expect(await repeat(2, () => login(node, '192.0.2.11', email))).toEqual(Array(2).fill(UNAUTHENTICATED));
  expect(await repeat(3, () => login(node, '192.0.2.12', email))).toEqual([
    ...Array(2).fill(UNAUTHENTICATED),
    RESOURCE_EXHAUSTED,
  ]);
});

it('the latest 20 networks of an account are remembered', async ({ node, createAccount, query }) => {
  const { email, password } = await createAccount();
  for (let network = 1; network <= 22; network++) await login(node, `198.51.100.${network}`, email, password);
  const sql = `select count(*)::int as count from sign_in_network join account on id = account_id where email = ?`;
  expect(await query(sql, [email])).toEqual([{ count: 20 }]);
});
