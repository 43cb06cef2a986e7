import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AccountEntity, ApiKeyEntity } from '../../src/database/entities.ts';
import { ApiKey, ApiKeyServiceService } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { Limit } from '../../src/generated/weir/admin/v1/limit.ts';
import {
  GetTokenInfoResponse_State as State,
  TokenInfoServiceService,
} from '../../src/generated/weir/admin/v1/token_info_service.ts';
import { hashPassword } from '../../src/identity/secrets/password.ts';
import { newDatabase } from '../support/databases.ts';
import { ADMIN, clientOf, failureOf, startAdminNode } from './admin-node.ts';

let node: Awaited<ReturnType<typeof startAdminNode>>;
let keys: ReturnType<typeof clientOf<typeof ApiKeyServiceService>>;
let info: ReturnType<typeof clientOf<typeof TokenInfoServiceService>>;
type Caller = Awaited<ReturnType<typeof signIn>>;
let admin: Caller;
let ann: Caller;
let eve: Caller;

let auth: ReturnType<typeof clientOf<typeof AuthServiceService>>;
const signIn = async (credentials: { email: string; password: string }) => {
  return { authorization: `Bearer ${(await auth.login(credentials)).accessToken}` };
};
const newUser = async (email: string) => {
  const em = node.database.em.fork();
  const passwordHash = await hashPassword(email);
  em.create(AccountEntity, { id: randomUUID(), email, passwordHash, role: 'user', planId: 'free' });
  await em.flush();
  return signIn({ email, password: email });
};

beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
  keys = clientOf(ApiKeyServiceService, node.address);
  info = clientOf(TokenInfoServiceService, node.address);
  auth = clientOf(AuthServiceService, node.address);
  admin = await signIn(ADMIN);
  ann = await newUser('ann@example.com');
  eve = await newUser('eve@example.com');
});
afterAll(async () => {
  for (const client of [keys, info, auth]) client?.close();
  await node?.stop();
});

const make = async (as: Caller, fields: Partial<ApiKey> = {}) => {
  const { apiKey, secret } = await keys.createApiKey({ apiKey: ApiKey.create(fields) }, as);
  return { apiKey: apiKey ?? expect.fail('no key in the answer'), secret };
};
const update = (as: Caller, name: string, updateMask: string, fields: Partial<ApiKey> = {}) =>
  keys.updateApiKey({ apiKey: ApiKey.create({ name, ...fields }), updateMask }, as);
const stateOf = async (secret: string) => (await info.getTokenInfo({ secret })).state;
const ownLimit = Limit.create({ name: 'own', requests: 5, window: '60s' });
const FORBIDDEN = { code: status.PERMISSION_DENIED, reason: 'NOT_ADMINISTRATOR' };

test('who is no administrator creates, lists, gets, changes, rotates, disables and deletes keys of the own account', async () => {
  const { apiKey, secret } = await make(ann, { displayName: 'mine', limits: [ownLimit] });
  expect(await stateOf(secret)).toBe(State.VALID);
  expect((await keys.listApiKeys({}, ann)).apiKeys).toContainEqual(apiKey);
  expect(await keys.getApiKey({ name: apiKey.name }, ann)).toEqual(apiKey);
  await update(ann, apiKey.name, 'displayName', { displayName: 'still mine' });
  const rotated = await keys.rotateApiKey({ name: apiKey.name, overlap: '1h' }, ann);
  expect(rotated.apiKey).toMatchObject({ account: apiKey.account, limits: apiKey.limits, displayName: 'still mine' });
  await update(ann, rotated.apiKey?.name ?? '', 'disabled', { disabled: true });
  expect(await stateOf(rotated.secret)).toBe(State.DISABLED);
  await keys.deleteApiKey({ name: rotated.apiKey?.name ?? '' }, ann);
  expect(await stateOf(rotated.secret)).toBe(State.UNKNOWN);
});

describe('who is no administrator', () => {
  let foreign: ApiKey;
  let secret: string;
  let before: unknown;
  const row = async () => {
    const found = await node.database.em.fork().findOneOrFail(ApiKeyEntity, foreign.name.replace('apiKeys/', ''));
    return JSON.stringify(found);
  };
  beforeEach(async () => {
    ({ apiKey: foreign, secret } = await make(ann, { displayName: 'ann’s' }));
    before = await row();
  });

  test('gets one answer for keys of others, of nobody and deleted ones, and changes nothing', async () => {
    const nobodys = `apiKeys/${randomUUID()}`;
    const { apiKey: deleted } = await make(eve);
    await keys.deleteApiKey({ name: deleted.name }, eve);
    for (const name of [foreign.name, nobodys, deleted.name]) {
      for (const call of [
        () => keys.getApiKey({ name }, eve),
        () => keys.rotateApiKey({ name, overlap: '1h' }, eve),
        () => keys.deleteApiKey({ name }, eve),
        () => update(eve, name, 'displayName', { displayName: 'eve’s' }),
        () => update(eve, name, 'disabled', { disabled: true }),
        () => update(eve, name, '*'),
        () => update(eve, name, '', { account: 'accounts/x', disabled: true }),
      ]) {
        expect(await failureOf(call())).toMatchObject({ ...FORBIDDEN, message: 'only administrators can do this' });
      }
    }
    expect(await row()).toBe(before);
    expect(await stateOf(secret)).toBe(State.VALID);
  });

  test('is not taken for an administrator by names that are nearly right', async () => {
    const id = foreign.name.replace('apiKeys/', '');
    for (const name of [
      id,
      id.toUpperCase(),
      `apiKeys/${id.toUpperCase()}`,
      `apiKeys/${id} `,
      `apiKeys/${id}\0`,
      `apiKeys/${id}\n`,
      `apikeys/${id}`,
      `apiKeys/../apiKeys/${id}`,
      `accounts/${foreign.account.replace('accounts/', '')}/apiKeys/${id}`,
      'apiKeys/-',
      'apiKeys/*',
      `apiKeys/${id}' or '1'='1`,
    ]) {
      for (const call of [keys.getApiKey, keys.deleteApiKey, keys.rotateApiKey]) {
        expect((await failureOf(call({ name }, eve))).code).toBe(status.INVALID_ARGUMENT);
      }
    }
    expect(await row()).toBe(before);
  });

  test('makes no key of another account, nor one with what only Weir sets', async () => {
    expect(await failureOf(make(eve, { account: foreign.account }))).toMatchObject(FORBIDDEN);
    const time = new Date(1_000_000_000_000);
    const claimed = {
      name: foreign.name,
      hint: 'x',
      etag: '"9"',
      createTime: time,
      lastUsedTime: time,
      deleteTime: time,
    };
    const { apiKey } = await make(eve, claimed);
    expect(apiKey.name).not.toBe(foreign.name);
    expect(apiKey).toMatchObject({ deleteTime: undefined, lastUsedTime: undefined, etag: '"1"' });
    expect(apiKey.hint).toMatch(/^wk_live_…/);
    expect(await row()).toBe(before);
  });

  test('moves no key to another account, and no mask reaches what only Weir sets', async () => {
    const { apiKey: own } = await make(eve);
    for (const field of [
      ...['account', 'name', 'hint', 'etag', 'create_time', 'update_time', 'delete_time', 'last_used_time'],
      ...[
        'counter_id',
        'digest',
        'version',
        'overlap_end_time',
        '__proto__',
        'constructor',
        'disabled,account',
        'api_key.disabled',
      ],
    ]) {
      const failure = await failureOf(update(eve, own.name, field, { account: foreign.account, etag: own.etag }));
      expect(failure, field).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['update_mask'] });
    }
    // Without a mask only what can be updated is.
    const touched = await update(eve, own.name, '', { account: foreign.account, displayName: 'x' });
    expect(touched.account).toBe(own.account);
  });

  test.each<[string, string, Partial<ApiKey>]>([
    ['enables it', 'disabled', {}],
    ['enables it beside what is harmless', 'displayName,disabled', { displayName: 'x' }],
    ['takes away its limits, networks and expiry', '*', { disabled: true }],
    ['lets it live for ever', 'expireTime', {}],
    ['lets it live longer', 'expire_time', { expireTime: new Date(Date.now() + 2 * 86_400_000) }],
    ['lets it in from everywhere', 'allowedNetworks', {}],
    ['lets it in from elsewhere', 'allowed_networks', { allowedNetworks: ['0.0.0.0/0'] }],
    ['takes away a limit', 'limits', {}],
    ['raises a limit', '', { limits: [{ ...ownLimit, requests: 6 }] }],
    ['gives it a feature', ' features ', { features: ['export'] }],
    ['gives it a plan', 'plan', { plan: 'plans/enterprise' }],
    ['takes its plan', 'plan', {}],
  ])('does not widen a key that an administrator narrowed: %s', async (_, mask, fields) => {
    const { apiKey: own } = await make(eve);
    const narrow = {
      disabled: true,
      expireTime: new Date(Date.now() + 86_400_000),
      allowedNetworks: ['192.0.2.0/24'],
      limits: [ownLimit],
      plan: 'plans/pro',
    };
    const narrowed = await update(admin, own.name, '', narrow);
    expect(await failureOf(update(eve, own.name, mask, fields))).toMatchObject(FORBIDDEN);
    expect(await keys.getApiKey({ name: own.name }, eve)).toEqual(narrowed);
  });

  test('does not widen a key by rotating it: its expiry holds, and so does being disabled', async () => {
    const expireTime = new Date(Date.now() + 86_400_000);
    const { apiKey: own } = await make(eve, { expireTime, limits: [ownLimit], allowedNetworks: ['192.0.2.0/24'] });
    const { apiKey: successor } = await keys.rotateApiKey({ name: own.name, overlap: '3650d' }, eve);
    expect(successor).toMatchObject({ expireTime, limits: own.limits, allowedNetworks: own.allowedNetworks });
    expect((await keys.getApiKey({ name: own.name }, eve)).expireTime).toEqual(expireTime);
    await update(admin, successor?.name ?? '', 'disabled', { disabled: true });
    const refused = await failureOf(keys.rotateApiKey({ name: successor?.name ?? '' }, eve));
    expect(refused).toMatchObject({ code: status.FAILED_PRECONDITION, reason: 'API_KEY_DISABLED' });
  });

  test('cannot undo by haste what an administrator does at the same time', async () => {
    for (let round = 0; round < 5; round++) {
      const { apiKey: own, secret: ownSecret } = await make(eve);
      const changes = Array.from({ length: 4 }, (_, index) =>
        update(eve, own.name, 'displayName', { displayName: `${index}` }),
      );
      const rotating = keys.rotateApiKey({ name: own.name, overlap: '1h' }, eve);
      const disabling = update(admin, own.name, 'disabled', { disabled: true });
      const [disabled] = await Promise.allSettled([disabling, rotating, ...changes]);
      if (disabled.status === 'rejected') {
        // It is told, and does it again.
        expect(disabled.reason).toMatchObject({ code: status.ABORTED });
        await update(admin, own.name, 'disabled', { disabled: true });
      }
      expect(await stateOf(ownSecret)).toBe(State.DISABLED);
    }
  });
});
