import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ApiKeyEntity } from '../../../src/database/entities/api-key-entity.ts';
import { ApiKey, ApiKeyServiceService } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { Limit } from '../../../src/generated/weir/admin/v1/limit.ts';
import {
  GetTokenInfoResponse_State as State,
  TokenInfoServiceService,
} from '../../../src/generated/weir/admin/v1/token_info_service.ts';
import { newDatabase } from '../../support/databases.ts';
import { ADMIN, createClient, createUser, expectFailure, startAdminNode } from '../admin-node.ts';

let node: Awaited<ReturnType<typeof startAdminNode>>;
let keys: ReturnType<typeof createClient<typeof ApiKeyServiceService>>;
let info: ReturnType<typeof createClient<typeof TokenInfoServiceService>>;
type Caller = Awaited<ReturnType<typeof signIn>>;
let admin: Caller;
let ann: Caller;
let eve: Caller;

let auth: ReturnType<typeof createClient<typeof AuthServiceService>>;
const signIn = async (credentials: { email: string; password: string }) => {
  return { authorization: `Bearer ${(await auth.login(credentials)).accessToken}` };
};
const newUser = async (email: string) => {
  const credentials = { email, password: email };
  await createUser(node.database, credentials, 'enterprise');
  return signIn(credentials);
};

beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
  keys = createClient(ApiKeyServiceService, node.address);
  info = createClient(TokenInfoServiceService, node.address);
  auth = createClient(AuthServiceService, node.address);
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
  return { apiKey: apiKey ?? expect.fail('the response has no key'), secret };
};
const update = (as: Caller, name: string, updateMask: string, fields: Partial<ApiKey> = {}) =>
  keys.updateApiKey({ apiKey: ApiKey.create({ name, ...fields }), updateMask }, as);
const stateOf = async (secret: string) => (await info.getTokenInfo({ secret })).state;
const ownLimit = Limit.create({ name: 'own', requests: 5, window: '60s' });
const FORBIDDEN = { code: status.PERMISSION_DENIED, reason: 'NOT_ADMINISTRATOR' };

describe('a non-administrator with its own keys', () => {
  it('creates, lists, reads, changes, rotates, disables and deletes keys of its own account', async () => {
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
});

describe('a non-administrator with keys of other accounts', () => {
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

  it('gets the same error for keys of other accounts, unknown keys and deleted keys, and changes nothing', async () => {
    const unknownName = `apiKeys/${randomUUID()}`;
    const { apiKey: deleted } = await make(eve);
    await keys.deleteApiKey({ name: deleted.name }, eve);
    for (const name of [foreign.name, unknownName, deleted.name]) {
      for (const call of [
        () => keys.getApiKey({ name }, eve),
        () => keys.rotateApiKey({ name, overlap: '1h' }, eve),
        () => keys.deleteApiKey({ name }, eve),
        () => update(eve, name, 'displayName', { displayName: 'eve’s' }),
        () => update(eve, name, 'disabled', { disabled: true }),
        () => update(eve, name, '*'),
        () => update(eve, name, '', { account: 'accounts/x', disabled: true }),
      ]) {
        expect(await expectFailure(call())).toMatchObject({
          code: status.NOT_FOUND,
          message: `${name} does not exist`,
        });
      }
    }
    expect(await row()).toBe(before);
    expect(await stateOf(secret)).toBe(State.VALID);
  });

  it('cannot reach keys of other accounts by names that are almost correct', async () => {
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
        expect((await expectFailure(call({ name }, eve))).code).toBe(status.INVALID_ARGUMENT);
      }
    }
    expect(await row()).toBe(before);
  });

  it('cannot create a key of another account, or set fields that only Weir sets', async () => {
    const forbidden: [Partial<ApiKey>, string][] = [
      [{ account: foreign.account }, 'create a key of another account'],
      [{ plan: 'plans/enterprise' }, 'set api_key.plan'],
      [{ features: ['export'] }, 'set api_key.features'],
    ];
    for (const [fields, action] of forbidden) {
      const failure = await expectFailure(make(eve, fields));
      expect(failure).toMatchObject({ ...FORBIDDEN, message: `only administrators can ${action}` });
    }
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

  it('cannot move a key to another account, or update fields that only Weir sets', async () => {
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
      const failure = await expectFailure(update(eve, own.name, field, { account: foreign.account, etag: own.etag }));
      expect(failure, field).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['update_mask'] });
    }
    // Without a mask, an update changes only the fields that can be updated.
    const touched = await update(eve, own.name, '', { account: foreign.account, displayName: 'x' });
    expect(touched.account).toBe(own.account);
  });

  it.each<[string, string, Partial<ApiKey>, string]>([
    ['enabling it', 'disabled', {}, 'enable a disabled key'],
    ['enabling it and naming it', 'displayName,disabled', { displayName: 'x' }, 'enable a disabled key'],
    ['removing its limits, networks and expiry', '*', { disabled: true }, 'set api_key.plan'],
    ['removing its expiry', 'expireTime', {}, 'extend api_key.expire_time'],
    [
      'extending its lifetime',
      'expire_time',
      { expireTime: new Date(Date.now() + 2 * 86_400_000) },
      'extend api_key.expire_time',
    ],
    ['allowing all networks', 'allowedNetworks', {}, 'add to api_key.allowed_networks'],
    [
      'allowing another network',
      'allowed_networks',
      { allowedNetworks: ['0.0.0.0/0'] },
      'add to api_key.allowed_networks',
    ],
    ['removing a limit', 'limits', {}, 'change or remove a limit in api_key.limits'],
    ['raising a limit', '', { limits: [{ ...ownLimit, requests: 6 }] }, 'change or remove a limit in api_key.limits'],
    ['adding a feature', ' features ', { features: ['export'] }, 'add to api_key.features'],
    ['setting its plan', 'plan', { plan: 'plans/enterprise' }, 'set api_key.plan'],
    ['clearing its plan', 'plan', {}, 'set api_key.plan'],
  ])('cannot lift a restriction that an administrator has set by %s', async (_, mask, fields, action) => {
    const { apiKey: own } = await make(eve);
    const narrow = {
      disabled: true,
      expireTime: new Date(Date.now() + 86_400_000),
      allowedNetworks: ['192.0.2.0/24'],
      limits: [ownLimit],
      plan: 'plans/pro',
    };
    const narrowed = await update(admin, own.name, '', narrow);
    const failure = await expectFailure(update(eve, own.name, mask, fields));
    expect(failure).toMatchObject({ ...FORBIDDEN, message: `only administrators can ${action}` });
    expect(await keys.getApiKey({ name: own.name }, eve)).toEqual(narrowed);
  });

  it('cannot lift a restriction by rotation: the successor keeps the expiry, and a disabled key does not rotate', async () => {
    const expireTime = new Date(Date.now() + 86_400_000);
    const { apiKey: own } = await make(eve, { expireTime, limits: [ownLimit], allowedNetworks: ['192.0.2.0/24'] });
    const { apiKey: successor } = await keys.rotateApiKey({ name: own.name, overlap: '3650d' }, eve);
    expect(successor).toMatchObject({ expireTime, limits: own.limits, allowedNetworks: own.allowedNetworks });
    expect((await keys.getApiKey({ name: own.name }, eve)).expireTime).toEqual(expireTime);
    await update(admin, successor?.name ?? '', 'disabled', { disabled: true });
    const refused = await expectFailure(keys.rotateApiKey({ name: successor?.name ?? '' }, eve));
    expect(refused).toMatchObject({ code: status.FAILED_PRECONDITION, reason: 'API_KEY_DISABLED' });
  });

  it('cannot undo a concurrent change of an administrator', async () => {
    for (let round = 0; round < 5; round++) {
      const { apiKey: own, secret: ownSecret } = await make(eve);
      const changes = Array.from({ length: 4 }, (_, index) =>
        update(eve, own.name, 'displayName', { displayName: `${index}` }),
      );
      const rotating = keys.rotateApiKey({ name: own.name, overlap: '1h' }, eve);
      const disabling = update(admin, own.name, 'disabled', { disabled: true });
      const [disabled] = await Promise.allSettled([disabling, rotating, ...changes]);
      if (disabled.status === 'rejected') {
        // The administrator learns of it and tries again.
        expect(disabled.reason).toMatchObject({ code: status.ABORTED });
        await update(admin, own.name, 'disabled', { disabled: true });
      }
      expect(await stateOf(ownSecret)).toBe(State.DISABLED);
    }
  });
});
