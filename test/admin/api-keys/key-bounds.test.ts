import { createHash } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Code } from '../../../src/generated/google/rpc/code.ts';
import { Account } from '../../../src/generated/weir/admin/v1/account.ts';
import { AccountServiceService } from '../../../src/generated/weir/admin/v1/account_service.ts';
import {
  ApiKey,
  ApiKeyServiceService,
  CreateApiKeyRequest,
  ImportApiKeysRequest,
} from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { Plan, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { newDatabase } from '../../support/databases.ts';
import { ADMIN, createClient, expectFailure, startAdminNode } from '../admin-node.ts';

const limits = [{ name: 'unlimited', algorithm: 'unlimited' }];

let node: Awaited<ReturnType<typeof startAdminNode>>;
let accounts: ReturnType<typeof createClient<typeof AccountServiceService>>;
let keys: ReturnType<typeof createClient<typeof ApiKeyServiceService>>;
let plans: ReturnType<typeof createClient<typeof PlanServiceService>>;
let admin: { authorization: string };

beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
  accounts = createClient(AccountServiceService, node.address);
  keys = createClient(ApiKeyServiceService, node.address);
  plans = createClient(PlanServiceService, node.address);
  const auth = createClient(AuthServiceService, node.address);
  admin = { authorization: `Bearer ${(await auth.login(ADMIN)).accessToken}` };
  auth.close();
  await plans.createPlan({ planId: 'three', plan: Plan.fromPartial({ limits, maxApiKeys: 3 }) }, admin);
});
afterAll(async () => {
  for (const client of [accounts, keys, plans]) client?.close();
  await node?.stop();
});

/** The name of a new account whose plan allows three keys. */
const newAccount = async () => {
  const { name } = await accounts.createAccount({ account: Account.fromPartial({ plan: 'plans/three' }) }, admin);
  return name;
};
const make = async (account: string, fields: Partial<ApiKey> = {}) => {
  const { apiKey } = await keys.createApiKey({ apiKey: ApiKey.create({ account, ...fields }) }, admin);
  return apiKey ?? expect.fail('the response has no key');
};
const makeMany = (account: string, count: number) => {
  const requests = Array.from({ length: count }, () => CreateApiKeyRequest.fromPartial({ apiKey: { account } }));
  return keys.batchCreateApiKeys({ requests }, admin);
};
const importMany = (account: string, names: readonly string[]) => {
  const apiKeys = names.map((name) => {
    const digest = createHash('sha256')
      .update(account + name)
      .digest('hex');
    return { account, digest, algorithm: 'sha256', displayName: name };
  });
  return keys.importApiKeys(ImportApiKeysRequest.fromPartial({ apiKeys }), admin);
};
const countKeys = async (account: string) => {
  return (await keys.listApiKeys({ filter: `account = "${account}"` }, admin)).apiKeys.length;
};

const TOO_MANY = { code: status.RESOURCE_EXHAUSTED, reason: 'TOO_MANY_API_KEYS' };

describe('Plan.maxApiKeys', () => {
  it('is 5 for the plan free and 50 for the plan pro, and updates change it', async () => {
    const listed = await plans.listPlans({}, admin);
    const bounds = Object.fromEntries(listed.plans.map(({ name, maxApiKeys }) => [name, maxApiKeys]));
    expect(bounds).toEqual({ 'plans/free': 5, 'plans/pro': 50, 'plans/enterprise': 0, 'plans/three': 3 });
    const update = (maxApiKeys: number, updateMask = '') =>
      plans.updatePlan({ plan: Plan.fromPartial({ name: 'plans/pro', maxApiKeys }), updateMask }, admin);
    expect(await update(60)).toMatchObject({ maxApiKeys: 60, displayName: 'Pro' });
    expect(await update(0, 'maxApiKeys')).toMatchObject({ maxApiKeys: 0 });
    expect(await expectFailure(update(-1))).toMatchObject({ fields: ['plan.max_api_keys'] });
  });

  it('bounds the keys of an account, those with a plan of their own and those that administrators create included', async () => {
    const account = await newAccount();
    const first = await make(account);
    await make(account, { plan: 'plans/enterprise', disabled: true });
    await make(account);
    const failure = await expectFailure(make(account, { plan: 'plans/pro' }));
    expect(failure).toMatchObject(TOO_MANY);
    expect(failure.message).toBe(
      `${account}: the plan of the account allows 3 API keys; delete keys, or change the plan`,
    );
    expect(failure.details).not.toContain('google.rpc.RetryInfo');
    await keys.deleteApiKey({ name: first.name }, admin);
    await make(account);
    expect(await expectFailure(make(account))).toMatchObject(TOO_MANY);
  });

  it('does not count expired keys', async () => {
    const account = await newAccount();
    const [apiKey] = [await make(account), await make(account), await make(account)];
    const expireTime = new Date(Date.now() - 1);
    await keys.updateApiKey({ apiKey: ApiKey.create({ name: apiKey?.name ?? '', expireTime }) }, admin);
    await make(account);
    expect(await expectFailure(make(account))).toMatchObject(TOO_MANY);
  });

  it('does not bound accounts with the role admin, and none on a plan without it', async () => {
    const administrator = await accounts.createAccount(
      { account: Account.fromPartial({ plan: 'plans/three', role: 'admin' }) },
      admin,
    );
    await makeMany(administrator.name, 10);
    const account = await newAccount();
    await accounts.updateAccount({ account: Account.create({ name: account, plan: 'plans/enterprise' }) }, admin);
    await makeMany(account, 10);
  });

  it('creates all keys of a batch or none', async () => {
    const [account, other] = [await newAccount(), await newAccount()];
    expect(await expectFailure(makeMany(account, 4))).toMatchObject(TOO_MANY);
    expect(await countKeys(account)).toBe(0);
    await makeMany(account, 2);
    const requests = [account, other, account].map((each) =>
      CreateApiKeyRequest.fromPartial({ apiKey: { account: each } }),
    );
    const failure = await expectFailure(keys.batchCreateApiKeys({ requests }, admin));
    expect(failure).toMatchObject(TOO_MANY);
    expect(failure.message).toContain(account);
    expect(await countKeys(other)).toBe(0);
  });

  it('imports the keys of a request that still fit', async () => {
    const account = await newAccount();
    const { results } = await importMany(account, ['a', 'b', 'a', 'c', 'd']);
    expect(results.map(({ code }) => code)).toEqual([
      ...[Code.OK, Code.OK, Code.ALREADY_EXISTS, Code.OK, Code.RESOURCE_EXHAUSTED],
    ]);
    expect(results.at(-1)?.message).toBe('the plan of the account allows 3 API keys; delete keys, or change the plan');
    expect(await countKeys(account)).toBe(3);
  });

  it('is exact for concurrent calls of all kinds', async () => {
    const account = await newAccount();
    const calls = [1, 2, 3, 4, 5, 6].flatMap((index) => [
      make(account),
      makeMany(account, 2),
      importMany(account, [`import ${index}`]),
    ]);
    const results = await Promise.allSettled(calls);
    const failures = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason);
    for (const failure of failures) expect(failure).toMatchObject(TOO_MANY);
    expect(await countKeys(account)).toBe(3);
  });
});

describe('a rotation', () => {
  const rotate = async (name: string, overlap = '1h') => {
    const { apiKey } = await keys.rotateApiKey({ name, overlap }, admin);
    return apiKey?.name ?? expect.fail('the response has no key');
  };

  it('names the successor of the old key', async () => {
    const account = await newAccount();
    const { name, successor } = await make(account);
    expect(successor).toBe('');
    const first = await rotate(name);
    expect((await keys.getApiKey({ name }, admin)).successor).toBe(first);
    const second = await rotate(name);
    expect((await keys.getApiKey({ name }, admin)).successor).toBe(second);
    expect((await keys.getApiKey({ name: second }, admin)).successor).toBe('');
  });

  it('has room on a full account, and also on one whose plan allows fewer keys by now', async () => {
    const account = await newAccount();
    const full = [await make(account), await make(account), await make(account)];
    for (const { name } of full) await rotate(name);
    expect(await expectFailure(make(account))).toMatchObject(TOO_MANY);
    await accounts.updateAccount({ account: Account.create({ name: account, plan: 'plans/enterprise' }) }, admin);
    const more = await make(account);
    await accounts.updateAccount({ account: Account.create({ name: account, plan: 'plans/three' }) }, admin);
    await rotate(more.name);
  });

  it('multiplies no keys: neither when a key is rotated again, nor when its successor is', async () => {
    const account = await newAccount();
    const [old] = [await make(account), await make(account), await make(account)];
    const successor = await rotate(old?.name ?? '', '3650d');
    expect(await expectFailure(rotate(old?.name ?? ''))).toMatchObject(TOO_MANY);
    expect(await expectFailure(rotate(successor, '3650d'))).toMatchObject(TOO_MANY);
    expect(await countKeys(account)).toBe(4);
    await keys.deleteApiKey({ name: old?.name ?? '' }, admin);
    await rotate(successor);
  });

  it('of concurrent ones of a full account, lets one have the room', async () => {
    const account = await newAccount();
    const [old] = [await make(account), await make(account), await make(account)];
    const rotations = await Promise.allSettled([1, 2, 3, 4, 5].map(() => rotate(old?.name ?? '')));
    expect(rotations.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    expect(await countKeys(account)).toBe(4);
  });
});
