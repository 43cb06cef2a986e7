import { status } from '@grpc/grpc-js';
import { Redis } from 'ioredis';
import { describe, expect } from 'vitest';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { CounterServiceService, ResetCounterRequest } from '../../../src/generated/weir/admin/v1/counter_service.ts';
import { TokenInfoServiceService } from '../../../src/generated/weir/admin/v1/token_info_service.ts';
import { generateRefreshToken } from '../../../src/identity/issue-tokens/refresh-token.ts';
import { STORES } from '../../support/fixtures.ts';
import { ADMINISTRATOR } from '../../support/node.ts';
import { type Answer, callAs, limitTest as it, list, login, repeat } from '../limited-calls.ts';

const { OK, UNAUTHENTICATED, RESOURCE_EXHAUSTED, INVALID_ARGUMENT } = status;

describe.for(STORES)('with counters in %s', (store) => {
  const network = store === 'memory' ? '2001:db8:1' : '2001:db8:2';

  it('a network signs in 20 times a minute, whichever of its addresses it uses', async ({ nodes, createAccount }) => {
    const { email, password } = await createAccount();
    const node = nodes[store];
    const answers: Answer[] = [];
    for (let host = 1; host <= 21; host++) answers.push(await login(node, `${network}::${host}`, email, password));
    expect(answers.map(({ code }) => code)).toEqual([...Array(20).fill(OK), RESOURCE_EXHAUSTED]);
    expect(answers.at(-1)?.retry).toBeGreaterThan(0);
    expect((await login(node, `${network}:1::1`, email, password)).code).toBe(OK);
  });

  it('an e-mail address has 10 wrong passwords from one network, and a right one does not count', async ({
    nodes,
    createAccount,
  }) => {
    const { email, password } = await createAccount();
    const node = nodes[store];
    const address = `${network}:2::1`;
    expect(await repeat(9, () => login(node, address, email))).toEqual(Array(9).fill(UNAUTHENTICATED));
    expect((await login(node, address, email.toUpperCase(), password)).code).toBe(OK);
    expect((await login(node, address, email)).code).toBe(UNAUTHENTICATED);
    expect(await login(node, address, email, password)).toEqual({
      code: RESOURCE_EXHAUSTED,
      retry: expect.any(Number),
    });
    expect((await login(node, `${network}:3::1`, email, password)).code).toBe(OK);
  });

  it('10 malformed or unauthenticated calls keep the others of their network away for a minute', async ({
    nodes,
    administrator,
  }) => {
    const node = nodes[store];
    const address = `${network}:4::1`;
    const token = { authorization: 'Bearer made.up.token' };
    expect(await repeat(4, () => list(node, address))).toEqual(Array(4).fill(UNAUTHENTICATED));
    expect(await repeat(3, () => list(node, address, token))).toEqual(Array(3).fill(UNAUTHENTICATED));
    expect(await repeat(3, () => login(node, address, 'no address'))).toEqual(Array(3).fill(INVALID_ARGUMENT));
    for (const call of [
      () => list(node, `${network}:4::2`),
      () => list(node, address, token),
      () => login(node, address, ADMINISTRATOR.email, ADMINISTRATOR.password),
    ]) {
      const { code, retry } = await call();
      expect(code).toBe(RESOURCE_EXHAUSTED);
      expect(retry).toBeGreaterThan(50);
      expect(retry).toBeLessThanOrEqual(60);
    }
    // Those who have signed in go on, also with their refresh token, and so does the emergency brake, and other networks.
    expect((await list(node, address, administrator)).code).toBe(OK);
    const { refreshToken } = await node.admin.call(AuthServiceService.login, ADMINISTRATOR);
    expect((await callAs(address, node, AuthServiceService.refreshToken, { refreshToken })).code).toBe(OK);
    const madeUp = { refreshToken: generateRefreshToken().text };
    expect((await callAs(address, node, AuthServiceService.refreshToken, madeUp)).code).toBe(RESOURCE_EXHAUSTED);
    const { secret } = await nodes.memory.createKey(administrator, 'free');
    await expect
      .poll(async () => (await callAs(address, node, TokenInfoServiceService.disableToken, { secret })).code)
      .toBe(OK);
    expect((await list(node, `${network}:5::1`)).code).toBe(UNAUTHENTICATED);
    // An administrator lets the network in again.
    const entries = [
      { key: 'outcome', value: 'invalid_token' },
      { key: 'remote_address', value: `${network}:4::/64` },
    ];
    const subject = { subject: { $case: 'descriptor' as const, value: { domain: 'admin', entries } } };
    const reset = ResetCounterRequest.fromPartial({ subject });
    await node.admin.call(CounterServiceService.resetCounter, reset, administrator);
    await expect.poll(async () => (await list(node, address)).code).toBe(UNAUTHENTICATED);
  });

  it('3 such calls keep one device of the network away', async ({ nodes }) => {
    const node = nodes[store];
    const address = `${network}:6::1`;
    const device = { 'x-device-id': 'd' };
    expect(await repeat(4, () => list(node, address, device))).toEqual([
      ...Array(3).fill(UNAUTHENTICATED),
      RESOURCE_EXHAUSTED,
    ]);
    expect((await list(node, address)).code).toBe(UNAUTHENTICATED);
    expect((await list(node, `${network}:7::1`, device)).code).toBe(UNAUTHENTICATED);
  });
});

it('Redis does not learn the e-mail addresses', async ({ redisNode, redis }) => {
  const email = 'somebody.with.a.name@example.com';
  await login(redisNode, '192.0.2.77', email);
  const client = new Redis(redis.url);
  const keys = await client.keys('*');
  client.disconnect();
  expect(keys.some((key) => key.includes('wrong_password'))).toBe(true);
  expect(keys.filter((key) => key.toLowerCase().includes('somebody') || key.includes('example.com'))).toEqual([]);
});
