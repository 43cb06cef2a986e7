import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { createQuery, openDatabase } from '../../src/database/open-database.ts';
import { RetryInfo } from '../../src/generated/google/rpc/error_details.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import { hashPassword } from '../../src/identity/secrets/password.ts';
import type { Query } from '../../src/interfaces/query.ts';
import { callFrom } from '../support/clients/call-from-address.ts';
import type { Headers, Method } from '../support/clients/grpc-client.ts';
import { test } from '../support/fixtures.ts';
import type { TestNode } from '../support/node.ts';

/**
 * Tests of nodes with the default limits, behind a proxy, so that every address that a test names is that of another
 * client.
 */
export const limitTest = test
  .override('rules', 'domain: unrelated\ndescriptors: [{key: a, rate_limit: {unlimited: true}}]\n')
  .override('environment', { TRUSTED_PROXIES: '127.0.0.0/8', DEVICE_HEADER: 'x-device-id' })
  .extend('query', { scope: 'file' }, async ({ databaseUrl }, { onCleanup }): Promise<Query> => {
    const database = await openDatabase({ url: databaseUrl });
    onCleanup(() => database.close(true));
    return createQuery(database);
  })
  /** Creates accounts with a password. */
  .extend('createAccount', { scope: 'file' }, ({ query }) => async () => {
    const account = { email: `${randomUUID()}@example.com`, password: 'the password of a user' };
    await query(
      `insert into account (id, email, password_hash, role, plan_id, create_time, update_time)
       values (?, ?, ?, 'user', 'free', now(), now())`,
      [randomUUID(), account.email, await hashPassword(account.password)],
    );
    return account;
  });

export interface Answer {
  readonly code: number;
  /** Seconds of the RetryInfo; undefined: the answer has none. */
  readonly retry: number | undefined;
}

/** Makes a call as a client with an address. */
export async function callAs<Request>(
  address: string,
  { app }: TestNode,
  method: Method<Request, unknown>,
  request: Request,
  headers: Headers = {},
): Promise<Answer> {
  const all = { 'x-forwarded-for': address, ...headers };
  const [response] = await callFrom('127.0.0.1', app.ports.admin, method, [request], all);
  const { code, details } = response ?? expect.fail('no response');
  const info = details.find(({ typeUrl }) => typeUrl.endsWith('RetryInfo'));
  return { code, retry: info && RetryInfo.decode(info.value).retryDelay?.seconds };
}

export const login = (node: TestNode, address: string, email: string, password = 'wrong', headers: Headers = {}) =>
  callAs(address, node, AuthServiceService.login, { email, password }, headers);
export const list = (node: TestNode, address: string, headers: Headers = {}) =>
  callAs(address, node, PlanServiceService.listPlans, { pageSize: 1, pageToken: '' }, headers);

/** Makes calls one after the other. Returns their statuses. */
export async function repeat(times: number, call: () => Promise<Answer>): Promise<readonly number[]> {
  const codes: number[] = [];
  for (let time = 0; time < times; time++) codes.push((await call()).code);
  return codes;
}
