import { describe, expect } from 'vitest';
import { createQuery, openDatabase } from '../../../src/database/open-database.ts';
import { CheckRequest, type CheckResponse } from '../../../src/generated/envoy/service/auth/v3/external_auth.ts';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import {
  AccountServiceService,
  BlockAccountRequest,
  CreateAccountRequest,
  DeleteAccountRequest,
  UpdateAccountRequest,
} from '../../../src/generated/weir/admin/v1/account_service.ts';
import { ApiKeyServiceService, CreateApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { type ExplainRequest, ExplainServiceService } from '../../../src/generated/weir/admin/v1/explain_service.ts';
import {
  GetTokenInfoResponse_State as State,
  TokenInfoServiceService,
} from '../../../src/generated/weir/admin/v1/token_info_service.ts';
import { IssueTokenRequest, TokenServiceService } from '../../../src/generated/weir/admin/v1/token_service.ts';
import { check, httpStatus, parseDenial, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import type { NewApiKey, TestNode } from '../../support/node.ts';
import { makeTokenKey, signToken } from '../../support/servers/identity-provider.ts';
import { waitUntil } from '../../support/wait-until.ts';

const ISSUER = 'https://login.example.com';

const it = test
  .override('redis', { scope: 'file' }, ({ ownRedis }) => ownRedis)
  .extend('issuerKey', { scope: 'file' }, () => makeTokenKey('EdDSA'));
it.beforeAll(async ({ redisNode, issuers, issuerKey }) => {
  await issuers.add('corp', ISSUER, { jwks: { keys: [issuerKey.publicJwk] }, catalogAccounts: true });
  await waitUntil(async () => (await redisNode.fetch('/readyz')).ok);
});

/** A user, its API key, and the headers of requests with the token of its sign-in. */
interface User {
  readonly id: string;
  readonly key: NewApiKey;
  readonly session: Record<string, string>;
}

let count = 0;

async function createUser(node: TestNode, administrator: Headers, planId = 'enterprise'): Promise<User> {
  count++;
  const [email, password] = [`user-${count}@example.com`, 'a long enough password'];
  const account = { email, role: 'user', plan: `plans/${planId}` };
  const creation = CreateAccountRequest.fromPartial({ account, password });
  const { name } = await node.admin.call(AccountServiceService.createAccount, creation, administrator);
  const key = await createKey(node, administrator, name);
  const { accessToken } = await node.admin.call(AuthServiceService.login, { email, password });
  return { id: name.replace('accounts/', ''), key, session: { authorization: `Bearer ${accessToken}` } };
}

async function createKey(node: TestNode, administrator: Headers, account: string, plan = ''): Promise<NewApiKey> {
  const request = CreateApiKeyRequest.fromPartial({ apiKey: { displayName: 'test', account, plan } });
  const { apiKey, secret } = await node.admin.call(ApiKeyServiceService.createApiKey, request, administrator);
  return { name: apiKey?.name ?? '', secret };
}

async function setDisabled(node: TestNode, administrator: Headers, { id }: User, disabled: boolean): Promise<void> {
  const change = { account: { name: `accounts/${id}`, disabled }, updateMask: 'disabled' };
  const request = UpdateAccountRequest.fromPartial(change);
  await node.admin.call(AccountServiceService.updateAccount, request, administrator);
}

/** Returns when the block ends, as Unix time in ms. */
async function block(node: TestNode, administrator: Headers, { id }: User, duration: string): Promise<number> {
  const request = BlockAccountRequest.fromPartial({ name: `accounts/${id}`, duration });
  const { blockExpireTime } = await node.admin.call(AccountServiceService.blockAccount, request, administrator);
  return blockExpireTime?.getTime() ?? Number.NaN;
}

/** The code of the denial, or 200. */
const readOutcome = (response: CheckResponse) => parseDenial(response)?.code ?? httpStatus(response);

/** Checks each credential on each node. Returns the outcomes, each of them once. */
async function checkAll(nodes: readonly TestNode[], credentials: readonly Record<string, string>[]) {
  const responses = nodes.flatMap(({ decision }) => credentials.map((headers) => check(decision, headers)));
  return [...new Set((await Promise.all(responses)).map(readOutcome))];
}

function retryAfter({ httpResponse }: CheckResponse): number | undefined {
  const headers = httpResponse?.$case === 'deniedResponse' ? httpResponse.value.headers : [];
  const found = headers.find(({ header }) => header?.key === 'retry-after')?.header?.value;
  return found === undefined ? undefined : Number(found);
}

describe('an account that an administrator changes', () => {
  it('is denied as disabled_account with each of its credentials, on each node, until it is enabled', async ({
    node,
    redisNode,
    administrator,
    issuerKey,
  }) => {
    const user = await createUser(node, administrator);
    const stateless = IssueTokenRequest.fromPartial({ account: user.id, plan: 'plans/pro', ttl: '1h' });
    const issued = await node.admin.call(TokenServiceService.issueToken, stateless, administrator);
    const credentials = [
      { 'x-api-key': user.key.secret },
      { authorization: `Bearer ${issued.token}` },
      { authorization: `Bearer ${await signToken(issuerKey, { iss: ISSUER, sub: user.id })}` },
    ];
    const outcomes = () => checkAll([node, redisNode], credentials);
    await expect.poll(outcomes).toEqual([200]);
    await setDisabled(node, administrator, user, true);
    await expect.poll(outcomes).toEqual(['disabled_account']);
    const response = await check(node.decision, { 'x-api-key': user.key.secret });
    expect([httpStatus(response), retryAfter(response)]).toEqual([403, undefined]);
    expect(response.dynamicMetadata).toMatchObject({
      code: 'disabled_account',
      account: user.id,
      api_key: user.key.name.replace('apiKeys/', ''),
      plan: 'enterprise',
    });
    await setDisabled(node, administrator, user, false);
    await expect.poll(outcomes).toEqual([200]);
  });

  it('is denied as blocked_account with the time of a retry, until the block ends by itself', async ({
    node,
    redisNode,
    administrator,
  }) => {
    const user = await createUser(node, administrator);
    const outcomes = () => checkAll([node, redisNode], [{ 'x-api-key': user.key.secret }, user.session]);
    await expect.poll(outcomes).toEqual([200]);
    await block(node, administrator, user, '1h');
    await expect.poll(outcomes).toEqual(['blocked_account']);
    const response = await check(redisNode.decision, { 'x-api-key': user.key.secret });
    expect([httpStatus(response), response.dynamicMetadata?.code]).toEqual([403, 'blocked_account']);
    expect(Math.abs((retryAfter(response) ?? 0) - 3600)).toBeLessThan(120);
    const endsAt = await block(node, administrator, user, '2s');
    await expect.poll(outcomes).toEqual([200]);
    expect(Date.now()).toBeGreaterThanOrEqual(endsAt);
    await block(node, administrator, user, '1h');
    await expect.poll(outcomes).toEqual(['blocked_account']);
    const { unblockAccount } = AccountServiceService;
    await node.admin.call(unblockAccount, { name: `accounts/${user.id}` }, administrator);
    await expect.poll(outcomes).toEqual([200]);
  });

  it('is unknown once it is deleted, and so are its keys, with a plan of their own too', async ({
    node,
    redisNode,
    administrator,
    databaseUrl,
  }) => {
    const user = await createUser(node, administrator);
    const account = `accounts/${user.id}`;
    const { secret } = await createKey(node, administrator, account, 'plans/pro');
    const keys = [{ 'x-api-key': user.key.secret }, { 'x-api-key': secret }];
    const outcomes = () => checkAll([node, redisNode], [...keys, user.session]);
    await expect.poll(outcomes).toEqual([200]);
    // As a former version may have left it: the account is deleted, and its keys and tokens are not.
    const database = await openDatabase({ url: databaseUrl });
    await createQuery(database)('update account set delete_time = now() where id = ?', [user.id]);
    await database.close(true);
    await expect.poll(outcomes).toEqual(['unknown_credential']);
    for (const entry of [
      ['account', user.id],
      ['api_key', user.key.name],
    ] as const) {
      expect((await shouldRateLimit(redisNode.decision, 'plans', entry)).overallCode).toBe(Code.OVER_LIMIT);
    }
    const info = await node.admin.call(TokenInfoServiceService.getTokenInfo, { secret: user.key.secret });
    expect(info.state).toBe(State.UNKNOWN);
  });

  it('leaves no credential in force when DeleteAccount deletes it', async ({ node, redisNode, administrator }) => {
    const user = await createUser(node, administrator);
    const outcomes = () => checkAll([node, redisNode], [{ 'x-api-key': user.key.secret }, user.session]);
    await expect.poll(outcomes).toEqual([200]);
    const request = DeleteAccountRequest.fromPartial({ name: `accounts/${user.id}` });
    await node.admin.call(AccountServiceService.deleteAccount, request, administrator);
    await expect.poll(outcomes).toEqual(['unknown_credential', 'revoked_credential']);
  });

  it('is over the limit in the domain plans, by its key and by itself, while it is disabled or blocked', async ({
    node,
    administrator,
  }) => {
    const user = await createUser(node, administrator);
    const ask = () => shouldRateLimit(node.decision, 'plans', ['account', user.id], ['api_key', user.key.name]);
    const codes = async () => (await ask()).statuses.map(({ code }) => code);
    expect(await codes()).toEqual([Code.OK, Code.OK]);
    await setDisabled(node, administrator, user, true);
    await expect.poll(codes).toEqual([Code.OVER_LIMIT, Code.OVER_LIMIT]);
    const disabled = await ask();
    expect(disabled).toMatchObject({ overallCode: Code.OVER_LIMIT, dynamicMetadata: { code: 'disabled_account' } });
    expect(disabled.statuses.map(({ durationUntilReset }) => durationUntilReset)).toEqual([undefined, undefined]);
    expect(disabled.responseHeadersToAdd).toEqual([]);
    await block(node, administrator, user, '1h');
    await setDisabled(node, administrator, user, false);
    await expect.poll(async () => (await ask()).dynamicMetadata?.code).toBe('blocked_account');
    const blocked = await ask();
    expect(blocked.statuses.map(({ code }) => code)).toEqual([Code.OVER_LIMIT, Code.OVER_LIMIT]);
    const header = blocked.responseHeadersToAdd.find(({ key: name }) => name === 'retry-after')?.value;
    for (const seconds of [header, ...blocked.statuses.map(({ durationUntilReset }) => durationUntilReset?.seconds)]) {
      expect(Math.abs(Number(seconds) - 3600)).toBeLessThan(120);
    }
    await block(node, administrator, user, '1s');
    await expect.poll(codes).toEqual([Code.OK, Code.OK]);
  });

  it('is described by GetTokenInfo and Explain', async ({ node, administrator }) => {
    const user = await createUser(node, administrator, 'free');
    const token = String(user.session.authorization).replace('Bearer ', '');
    const describeCredential = async (secret: string) => {
      const { state, blockExpireTime, plan } = await node.admin.call(TokenInfoServiceService.getTokenInfo, { secret });
      return [state, blockExpireTime?.getTime(), plan];
    };
    const explain = async (question: ExplainRequest['question']) => {
      const { answer, credentialFault } = await node.admin.call(
        ExplainServiceService.explain,
        { question },
        administrator,
      );
      return [answer, credentialFault];
    };
    const explainCheck = (headers: Record<string, string>) => {
      const value = CheckRequest.fromPartial({ attributes: { request: { http: { headers } } } });
      return explain({ $case: 'check', value });
    };
    const explainPlans = () => {
      const descriptors = [{ entries: [{ key: 'account', value: user.id }] }];
      return explain({ $case: 'rateLimit', value: RateLimitRequest.fromPartial({ domain: 'plans', descriptors }) });
    };
    const endsAt = await block(node, administrator, user, '1h');
    const expireTime = Math.ceil(endsAt / 10) * 10;
    await expect
      .poll(async () => (await explain({ $case: 'apiKey', value: user.key.name }))[0])
      .toBe('blocked_account');
    for (const secret of [user.key.secret, token])
      expect(await describeCredential(secret)).toEqual([State.ACCOUNT_BLOCKED, expireTime, 'plans/free']);
    const isBlocked = ['blocked_account', `account: it is blocked until ${new Date(expireTime).toISOString()}`];
    expect(await explainCheck({ 'x-api-key': user.key.secret })).toEqual(isBlocked);
    expect(await explainCheck(user.session)).toEqual(isBlocked);
    expect(await explainPlans()).toEqual(['over_limit', expect.stringMatching(/^blocked_account: .* \(for \d+ s\)$/)]);
    await setDisabled(node, administrator, user, true);
    await expect
      .poll(async () => (await explain({ $case: 'apiKey', value: user.key.name }))[0])
      .toBe('disabled_account');
    expect(await describeCredential(user.key.secret)).toEqual([State.ACCOUNT_DISABLED, undefined, 'plans/free']);
  });

  it('stays blocked while Redis is away, also on a plan without limits', async ({
    node,
    redisNode,
    ownRedis,
    administrator,
  }) => {
    const user = await createUser(node, administrator);
    const outcomes = () => checkAll([redisNode], [{ 'x-api-key': user.key.secret }]);
    await expect.poll(outcomes).toEqual([200]);
    await ownRedis.stop();
    await block(node, administrator, user, '1h');
    await expect.poll(outcomes).toEqual(['blocked_account']);
    const { overallCode } = await shouldRateLimit(redisNode.decision, 'plans', ['account', user.id]);
    expect(overallCode).toBe(Code.OVER_LIMIT);
  });
});
