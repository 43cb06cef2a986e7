import { describe, expect } from 'vitest';
import { TokenInfoServiceService } from '../../../src/generated/weir/admin/v1/token_info_service.ts';
import { IssueTokenRequest, TokenServiceService } from '../../../src/generated/weir/admin/v1/token_service.ts';
import { callFrom } from '../../support/clients/call-from-address.ts';
import { check, parseDenial } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';

const RESOURCE_EXHAUSTED = 8;
const CALLS_PER_ADDRESS = 300;

const it = test;

it.beforeAll(async ({ node, administrator }) => {
  await node.createPlan(administrator, 'team', 100);
  const garbage = Array.from({ length: CALLS_PER_ADDRESS }, () => ({ secret: 'garbage' }));
  const { disableToken } = TokenInfoServiceService;
  const codes: number[] = [];
  for (let address = 1; address <= 21; address++) {
    for (const { code } of await callFrom(`127.0.1.${address}`, node.app.ports.admin, disableToken, garbage))
      codes.push(code);
  }
  expect(codes).toContain(RESOURCE_EXHAUSTED);
});

describe('while strangers use up all calls of DisableToken', () => {
  it('a key that exists is disabled', async ({ node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'team');
    await node.admin.call(TokenInfoServiceService.disableToken, { secret });
    expect(parseDenial(await check(node.decision, { 'x-api-key': secret }))?.code).toBe('disabled_credential');
    // Calls with a disabled key are limited, so that one key does not make work without end.
    expect((await node.admin.callAndFail(TokenInfoServiceService.disableToken, { secret })).code).toBe(
      RESOURCE_EXHAUSTED,
    );
  });

  it('a token that is in force is revoked', async ({ node, administrator }) => {
    const request = IssueTokenRequest.fromPartial({ account: 'acme', plan: 'plans/team', ttl: '1h' });
    const { token } = await node.admin.call(TokenServiceService.issueToken, request, administrator);
    await node.admin.call(TokenInfoServiceService.disableToken, { secret: token });
    expect(parseDenial(await check(node.decision, { authorization: `Bearer ${token}` }))?.code).toBe(
      'revoked_credential',
    );
    expect((await node.admin.callAndFail(TokenInfoServiceService.disableToken, { secret: token })).code).toBe(
      RESOURCE_EXHAUSTED,
    );
  });

  it.for([`wk_live_${'0'.repeat(28)}`, 'garbage', 'a.b.c'])(
    'the unknown secret %s is refused',
    async (secret, { node }) => {
      expect((await node.admin.callAndFail(TokenInfoServiceService.disableToken, { secret })).code).toBe(
        RESOURCE_EXHAUSTED,
      );
    },
  );
});
