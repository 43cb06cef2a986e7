import { randomUUID } from 'node:crypto';
import { status as grpcStatus } from '@grpc/grpc-js';
import { describe, expect } from 'vitest';
import { AccountServiceService, CreateAccountRequest } from '../../src/generated/weir/admin/v1/account_service.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import {
  ListRequestLogsRequest,
  RequestLogServiceService,
} from '../../src/generated/weir/admin/v1/request_log_service.ts';
import { logRequests } from '../support/envoy/log-requests.ts';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { test } from '../support/fixtures.ts';

const it = test
  .override('environment', { REQUEST_LOG: 'on', REQUEST_LOG_ADDRESS: '127.0.0.1:0' })
  .extend('origin', { scope: 'file' }, async ({ weir, node }) =>
    weir.envoy(...(await logRequests(node.app.ports.requestLog ?? 0))),
  );

describe('the request log behind a real Envoy', () => {
  it('has each request with its outcome, its account and its path without the query', async ({
    node,
    administrator,
    origin,
  }) => {
    const email = `${randomUUID()}@example.com`;
    const password = 'a long enough password';
    const creation = CreateAccountRequest.fromPartial({
      account: { email, role: 'user', plan: 'plans/free' },
      password,
    });
    const { name: account } = await node.admin.call(AccountServiceService.createAccount, creation, administrator);
    const { accessToken } = await node.admin.call(AuthServiceService.login, { email, password });
    const user = { authorization: `Bearer ${accessToken}` };
    await node.createPlan(administrator, 'single', 1);
    const key = await node.createKey(administrator, 'single', { account });

    const send = async (secret: string, path: string) => {
      const { status, response } = await sendThrough(origin, {
        path,
        headers: [
          ['x-api-key', secret],
          ['user-agent', 'test'],
        ],
      });
      return { status, requestId: response.headers['x-request-id'] };
    };
    const answers = [
      await send(key.secret, '/orders?token=secret'),
      await send(key.secret, '/orders?token=secret'),
      await send('garbage', '/orders?token=secret'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 429, 401]);

    const list = async (request: Partial<ListRequestLogsRequest>, headers = administrator) => {
      const all = ListRequestLogsRequest.fromPartial({ parent: 'accounts/-', ...request });
      return (await node.admin.call(RequestLogServiceService.listRequestLogs, all, headers)).requestLogs;
    };
    await expect.poll(async () => (await list({})).length, { timeout: 20_000 }).toBe(3);
    const common = { route: 'one-filter', method: 'GET', path: '/orders', peer: '127.0.0.1', userAgent: 'test' };
    const own = { ...common, account, apiKey: key.name, plan: 'plans/single' };
    expect(await list({ parent: account })).toMatchObject([
      { ...own, status: 429, code: 'rate_limited', requestId: answers[1]?.requestId },
      { ...own, status: 200, code: '', requestId: answers[0]?.requestId },
    ]);
    expect(await list({ filter: 'status = 401' })).toMatchObject([
      { ...common, account: '', apiKey: '', plan: '', code: 'malformed_credential', requestId: answers[2]?.requestId },
    ]);
    expect(await list({ filter: `request_id = "${answers[0]?.requestId}"` })).toHaveLength(1);
    expect(await list({ filter: `api_key = "${key.name}" AND code = rate_limited` })).toHaveLength(1);
    expect(await list({ filter: 'code != ""' })).toHaveLength(2);
    expect(await list({ filter: `create_time > "${new Date(Date.now() + 60_000).toISOString()}"` })).toEqual([]);
    expect(JSON.stringify(await list({}))).not.toMatch(/secret|garbage/);

    expect(await list({ parent: account }, user)).toHaveLength(2);
    const fail = async (parent: string) =>
      (
        await node.admin.callAndFail(
          RequestLogServiceService.listRequestLogs,
          ListRequestLogsRequest.fromPartial({ parent }),
          user,
        )
      ).code;
    expect(await fail('accounts/another')).toBe(grpcStatus.NOT_FOUND);
    expect(await fail('accounts/-')).toBe(grpcStatus.PERMISSION_DENIED);
    expect(await fail('plans/free')).toBe(grpcStatus.INVALID_ARGUMENT);
  }, 120_000);
});
