import { status } from '@grpc/grpc-js';
import { describe, expect } from 'vitest';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { callAs, limitTest as it, repeat } from '../limited-calls.ts';
import { codeOf, wrongCodeOf } from './totp-codes.ts';

const { OK, UNAUTHENTICATED, RESOURCE_EXHAUSTED } = status;

describe('the limits of sign-ins with a second factor', () => {
  it('count a wrong code as a wrong password, and a missing one not at all', async ({ nodes, createAccount }) => {
    const { email, password } = await createAccount();
    const node = nodes.memory;
    const { accessToken } = await node.admin.call(AuthServiceService.login, { email, password });
    const headers = { authorization: `Bearer ${accessToken}` };
    const { secret } = await node.admin.call(AuthServiceService.enrollTotp, { password }, headers);
    await node.admin.call(AuthServiceService.confirmTotp, { code: codeOf(secret) }, headers);
    const login = (address: string, totpCode?: string) =>
      callAs(address, node, AuthServiceService.login, { email, password, totpCode });

    expect(await repeat(12, () => login('192.0.2.1'))).toEqual(Array(12).fill(UNAUTHENTICATED));
    const guess = () => login('192.0.2.2', wrongCodeOf(secret));
    expect(await repeat(11, guess)).toEqual([...Array(10).fill(UNAUTHENTICATED), RESOURCE_EXHAUSTED]);
    const code = codeOf(secret, 1);
    expect((await login('192.0.2.2', code)).code).toBe(RESOURCE_EXHAUSTED);
    expect((await login('192.0.2.1', code)).code).toBe(OK);
  });
});
