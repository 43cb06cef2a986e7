import { describe, expect } from 'vitest';
import { startRedisProcess } from '../../../provision/redis.ts';
import { RetryInfo } from '../../../src/generated/google/rpc/error_details.ts';
import { ApiKeyServiceService } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { Limit } from '../../../src/generated/weir/admin/v1/limit.ts';
import {
  GetTokenInfoResponse_State as State,
  TokenInfoServiceService,
} from '../../../src/generated/weir/admin/v1/token_info_service.ts';
import { generateApiKey } from '../../../src/identity/secrets/api-key-secret.ts';
import { callFrom } from '../../support/clients/call-from-address.ts';
import { check, httpStatus } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const RESOURCE_EXHAUSTED = 8;
/** Guesses that one address may make per minute. */
const MAX_GUESSES = 300;

const it = test;
it.beforeAll(({ node, administrator }) => node.createPlan(administrator, 'team', 5));

const getInfo = (node: TestNode, secret: string) => node.admin.call(TokenInfoServiceService.getTokenInfo, { secret });

describe('token info of an API key', () => {
  it('reports what remains of each limit and charges nothing', async ({ node, administrator }) => {
    const limits = [Limit.fromPartial({ name: 'own', requests: 3, window: '1d' })];
    const { name, secret } = await node.createKey(administrator, 'team', { limits });
    const remaining = async () =>
      (await getInfo(node, secret)).remaining.map(({ limit, remaining: hits }) => [limit, hits]);
    const untouched = [
      ['plans/team/burst', 5],
      [`${name}/own`, 3],
    ];
    for (let time = 0; time < 3; time++) expect(await remaining()).toEqual(untouched);
    expect((await getInfo(node, secret)).remaining[0]?.resetTime).toBeUndefined();
    for (let request = 0; request < 2; request++) await check(node.decision, { 'x-api-key': secret });
    expect(await remaining()).toEqual([
      ['plans/team/burst', 3],
      [`${name}/own`, 1],
    ]);
    const [burst] = (await getInfo(node, secret)).remaining;
    expect(Math.abs(Number(burst?.resetTime) - Date.now() - 60_000)).toBeLessThan(20_000);
    await check(node.decision, { 'x-api-key': secret });
    expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(429);
    expect((await remaining())[1]).toEqual([`${name}/own`, 0]);
  });

  it('distinguishes valid, expired, disabled and unknown keys, and describes all but unknown ones', async ({
    node,
    administrator,
  }) => {
    const valid = await node.createKey(administrator, 'team');
    const expired = await node.createKey(administrator, 'team', { expireTime: new Date(Date.now() + 300) });
    const disabled = await node.createKey(administrator, 'team', { disabled: true });
    const rotated = await node.createKey(administrator, 'team');
    const { secret: successor } = await node.admin.call(
      ApiKeyServiceService.rotateApiKey,
      { name: rotated.name, overlap: '' },
      administrator,
    );
    const deleted = await node.createKey(administrator, 'team');
    await node.admin.call(ApiKeyServiceService.deleteApiKey, { name: deleted.name }, administrator);
    await expect.poll(async () => (await getInfo(node, expired.secret)).state).toBe(State.EXPIRED);
    for (const [{ name, secret }, state] of [
      [valid, State.VALID],
      [expired, State.EXPIRED],
      [rotated, State.EXPIRED],
      [disabled, State.DISABLED],
    ] as const) {
      const info = await getInfo(node, secret);
      expect(info).toMatchObject({ state, apiKey: name, plan: 'plans/team', limits: [{ requests: 5 }] });
      expect(info.remaining).toHaveLength(1);
    }
    expect((await getInfo(node, successor)).state).toBe(State.VALID);
    const mistyped = `${valid.secret.slice(0, -1)}${valid.secret.endsWith('0') ? '1' : '0'}`;
    for (const secret of [deleted.secret, generateApiKey(), mistyped, valid.secret.slice(8)]) {
      const { state, ...rest } = await getInfo(node, secret);
      expect(state).toBe(State.UNKNOWN);
      expect(JSON.stringify(rest)).toBe(
        JSON.stringify({ ...rest, apiKey: '', account: '', plan: '', limits: [], features: [], remaining: [] }),
      );
    }
  });

  it('omits only what remains while the counters are unavailable', async ({ node, administrator, startNode }) => {
    const redis = await startRedisProcess();
    const counting = await startNode({ REDIS_URL: redis.url, REDIS_DEADLINE_MS: '500' });
    try {
      const { secret } = await node.createKey(administrator, 'team');
      await expect.poll(async () => (await getInfo(counting, secret)).remaining.length).toBe(1);
      await redis.stop();
      const info = await getInfo(counting, secret);
      expect(info).toMatchObject({ state: State.VALID, plan: 'plans/team', limits: [{ requests: 5 }], remaining: [] });
    } finally {
      await redis.stop();
    }
  });
});

describe('a caller that guesses secrets', () => {
  const guesses = Array.from({ length: MAX_GUESSES + 50 }, () => generateApiKey());

  it.for(['getTokenInfo', 'disableToken'] as const)(
    'is rejected by %s after 300 guesses per minute, with the time to retry',
    async (call, { administrator, startNode }) => {
      const limited = await startNode();
      const { name, secret } = await limited.createKey(administrator, 'team');
      const ask = (address: string, method: typeof call, secrets: readonly string[]) => {
        const requests = secrets.map((each) => ({ secret: each }));
        return callFrom(address, limited.app.ports.admin, TokenInfoServiceService[method], requests);
      };
      const responses = await ask('127.0.0.1', call, guesses);
      const rejected = responses.filter(({ code }) => code === RESOURCE_EXHAUSTED);
      expect(rejected).toHaveLength(50);
      const info = rejected[0]?.details.find(({ typeUrl }) => typeUrl.endsWith('RetryInfo'));
      const { retryDelay } = RetryInfo.decode(info?.value ?? expect.fail('no RetryInfo'));
      expect(retryDelay?.seconds).toBeGreaterThan(0);
      // A sliding window of this size is stricter by up to a sixteenth.
      expect(retryDelay?.seconds).toBeLessThanOrEqual(64);
      // The holder of a key can disable it at any time.
      const canDisable = call === 'disableToken';
      const { code } = (await ask('127.0.0.1', call, [secret]))[0] ?? expect.fail('no response');
      expect(code).toBe(canDisable ? 0 : RESOURCE_EXHAUSTED);
      const key = await limited.admin.call(ApiKeyServiceService.getApiKey, { name }, administrator);
      expect(key.disabled).toBe(canDisable);
      // Other addresses, and other methods, are not affected.
      expect((await ask('127.0.0.2', call, [secret]))[0]?.code).toBe(0);
      const other = !canDisable ? 'disableToken' : 'getTokenInfo';
      expect((await ask('127.0.0.1', other, [secret]))[0]?.code).toBe(0);
    },
  );
});
