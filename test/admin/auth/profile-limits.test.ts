import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { describe, expect } from 'vitest';
import { Account } from '../../../src/generated/weir/admin/v1/account.ts';
import { AuthServiceService, UpdateProfileRequest } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { callAs, limitTest as it, repeat } from '../limited-calls.ts';

const { OK, UNAUTHENTICATED, RESOURCE_EXHAUSTED } = status;

describe('the limits of UpdateProfile', () => {
  it('count a wrong password as every other wrong password of the account', async ({ nodes, createAccount }) => {
    const { email, password } = await createAccount();
    const node = nodes.memory;
    const { accessToken } = await node.admin.call(AuthServiceService.login, { email, password });
    const headers = { authorization: `Bearer ${accessToken}` };
    const update = (account: Partial<Account>, currentPassword: string) => {
      const request = UpdateProfileRequest.fromPartial({ account: Account.fromPartial(account), currentPassword });
      return callAs('192.0.2.1', node, AuthServiceService.updateProfile, request, headers);
    };
    const move = (currentPassword: string) => update({ email: `${randomUUID()}@example.com` }, currentPassword);

    expect((await move(password)).code).toBe(OK);
    expect(await repeat(11, () => move('wrong'))).toEqual([...Array(10).fill(UNAUTHENTICATED), RESOURCE_EXHAUSTED]);
    expect((await move(password)).code).toBe(RESOURCE_EXHAUSTED);
    const enroll = () => callAs('192.0.2.1', node, AuthServiceService.enrollTotp, { password }, headers);
    expect((await enroll()).code).toBe(RESOURCE_EXHAUSTED);
    expect((await update({ displayName: 'Ada' }, '')).code).toBe(OK);
  });
});
