import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiKeyEntity } from '../../src/database/entities/api-key-entity.ts';
import { PlanEntity } from '../../src/database/entities/plan-entity.ts';
import { AccountServiceService } from '../../src/generated/weir/admin/v1/account_service.ts';
import { ApiKey, ApiKeyServiceService } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { Limit } from '../../src/generated/weir/admin/v1/limit.ts';
import { Plan, PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import {
  GetTokenInfoResponse_State as State,
  TokenInfoServiceService,
} from '../../src/generated/weir/admin/v1/token_info_service.ts';
import { newDatabase } from '../support/databases.ts';
import { ADMIN, createClient, createUser, expectFailure, startAdminNode } from './admin-node.ts';

let node: Awaited<ReturnType<typeof startAdminNode>>;
let auth: ReturnType<typeof createClient<typeof AuthServiceService>>;
let plans: ReturnType<typeof createClient<typeof PlanServiceService>>;
let keys: ReturnType<typeof createClient<typeof ApiKeyServiceService>>;
let info: ReturnType<typeof createClient<typeof TokenInfoServiceService>>;
let admin: { authorization: string };
let user: { authorization: string };
const USER = { email: 'user@example.com', password: 'another horse' };

const signIn = async (credentials: { email: string; password: string }) => {
  const { accessToken } = await auth.login(credentials);
  return { authorization: `Bearer ${accessToken}` };
};
const limit = { name: 'burst', requests: 5, window: '60s', algorithm: '' };
const unknownKey = `apiKeys/${randomUUID()}`;
const newPlan = async () => {
  const planId = `p-${randomUUID()}`;
  return plans.createPlan({ planId, plan: Plan.create({ displayName: 'A plan', limits: [limit] }) }, admin);
};
const newKey = async (fields: Partial<ApiKey> = {}, as = admin) => {
  const { apiKey, secret } = await keys.createApiKey({ apiKey: ApiKey.create(fields) }, as);
  return { apiKey: apiKey ?? expect.fail('the response has no key'), secret };
};
const stateOf = async (secret: string) => (await info.getTokenInfo({ secret })).state;

beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
  auth = createClient(AuthServiceService, node.address);
  plans = createClient(PlanServiceService, node.address);
  keys = createClient(ApiKeyServiceService, node.address);
  info = createClient(TokenInfoServiceService, node.address);
  await createUser(node.database, USER);
  admin = await signIn(ADMIN);
  user = await signIn(USER);
});
afterAll(async () => {
  for (const client of [auth, plans, keys, info]) client.close();
  await node.stop();
});

describe('AuthService', () => {
  it('returns an access token, a refresh token and the lifetime of the access token in seconds', async () => {
    const answer = await auth.login(ADMIN);
    expect(answer).toMatchObject({ expiresIn: 900, refreshToken: expect.stringMatching(/^wr_/) });
    await plans.listPlans({}, { authorization: `Bearer ${answer.accessToken}` });
  });

  it('accepts the e-mail address in any case', async () => {
    await auth.login({ ...ADMIN, email: ADMIN.email.toUpperCase() });
  });

  it('fails in the same way for an unknown address and for a wrong password', async () => {
    const wrong = await expectFailure(auth.login({ ...ADMIN, password: 'wrong' }));
    const unknown = await expectFailure(auth.login({ ...ADMIN, email: 'nobody@example.com' }));
    expect(wrong).toMatchObject({ code: status.UNAUTHENTICATED, reason: 'CREDENTIALS_INVALID', domain: 'weir' });
    expect({ ...unknown, message: unknown.message }).toEqual({ ...wrong, message: wrong.message });
  });

  it('names both fields if neither is set', async () => {
    const failure = await expectFailure(auth.login({}));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['email', 'password'] });
  });

  it.each([
    ['no refresh token', '', status.INVALID_ARGUMENT],
    ['garbage', 'garbage', status.UNAUTHENTICATED],
    ['one of an unknown family', `wr_${'a'.repeat(32)}.${'b'.repeat(32)}`, status.UNAUTHENTICATED],
  ])('rejects %s as a refresh token', async (_, refreshToken, code) => {
    expect((await expectFailure(auth.refreshToken({ refreshToken }))).code).toBe(code);
  });
});

describe('the caller of the admin API', () => {
  it.each([
    ['no token', {}, 'TOKEN_MISSING'],
    ['a token of another scheme', { authorization: 'Basic YTpi' }, 'TOKEN_INVALID'],
    ['a text that is not a token', { authorization: 'Bearer x.y.z' }, 'TOKEN_INVALID'],
    ['a very long token', { authorization: `Bearer ${'x'.repeat(5000)}` }, 'TOKEN_INVALID'],
  ])('is UNAUTHENTICATED with %s', async (_, headers, reason) => {
    for (const call of [
      () => plans.listPlans({}, headers),
      () => plans.createPlan({}, headers),
      () => keys.createApiKey({}, headers),
      () => keys.listApiKeys({}, headers),
    ]) {
      expect(await expectFailure(call())).toMatchObject({ code: status.UNAUTHENTICATED, reason });
    }
  });

  it('cannot, without being an administrator, change plans or set the plan or account of a key', async () => {
    const plan = await newPlan();
    const own = await newKey({}, user);
    const { apiKey: foreign } = await newKey();
    for (const call of [
      () => plans.createPlan({ planId: 'mine', plan }, user),
      () => plans.updatePlan({ plan }, user),
      () => plans.deletePlan({ name: plan.name }, user),
      () => newKey({ plan: 'plans/enterprise' }, user),
      () => newKey({ account: foreign.account }, user),
      () => keys.updateApiKey({ apiKey: { ...own.apiKey, plan: 'plans/enterprise' }, updateMask: 'plan' }, user),
      () => keys.updateApiKey({ apiKey: { ...own.apiKey, plan: 'plans/enterprise' } }, user),
    ]) {
      expect(await expectFailure(call())).toMatchObject({
        code: status.PERMISSION_DENIED,
        reason: 'NOT_ADMINISTRATOR',
      });
    }
    for (const call of [
      () => keys.getApiKey({ name: foreign.name }, user),
      () => keys.getApiKey({ name: unknownKey }, user),
      () => keys.updateApiKey({ apiKey: { ...foreign, disabled: true }, updateMask: 'disabled' }, user),
      () => keys.rotateApiKey({ name: foreign.name }, user),
      () => keys.deleteApiKey({ name: foreign.name }, user),
    ]) {
      expect(await expectFailure(call())).toMatchObject({ code: status.NOT_FOUND, reason: 'RESOURCE_NOT_FOUND' });
    }
  });

  it('manages and sees, without being an administrator, only the keys of its own account', async () => {
    const { apiKey } = await newKey({ displayName: 'mine' }, user);
    await newKey({ displayName: 'not mine' });
    const { apiKeys } = await keys.listApiKeys({}, user);
    expect(new Set(apiKeys.map(({ account }) => account))).toEqual(new Set([apiKey.account]));
    const renamed = { ...apiKey, displayName: 'renamed', etag: '' };
    expect(await keys.updateApiKey({ apiKey: renamed, updateMask: 'display_name' }, user)).toMatchObject({
      displayName: 'renamed',
    });
    await keys.rotateApiKey({ name: apiKey.name }, user);
    await keys.deleteApiKey({ name: apiKey.name }, user);
  });
});

describe('PlanService', () => {
  it('creates, returns, updates and deletes a plan', async () => {
    const created = await plans.createPlan(
      { planId: 'team', plan: Plan.create({ displayName: 'Team', limits: [limit] }) },
      admin,
    );
    expect(created).toMatchObject({
      name: 'plans/team',
      displayName: 'Team',
      limits: [{ name: 'burst', requests: 5, window: '60s', algorithm: 'sliding_window' }],
      etag: '"1"',
    });
    expect(await plans.getPlan({ name: 'plans/team' }, user)).toEqual(created);
    const updated = await plans.updatePlan(
      { plan: { ...created, displayName: 'A team', limits: [] }, updateMask: 'displayName' },
      admin,
    );
    expect(updated).toMatchObject({ displayName: 'A team', limits: created.limits, etag: '"2"' });
    await plans.deletePlan({ name: 'plans/team' }, admin);
    const gone = await expectFailure(plans.getPlan({ name: 'plans/team' }, admin));
    expect(gone).toMatchObject({ code: status.NOT_FOUND, reason: 'RESOURCE_NOT_FOUND' });
  });

  it('has the plans free, pro and enterprise after the first start', async () => {
    const written = async (name: string) =>
      (await plans.getPlan({ name }, admin)).limits.map(
        ({ requests, window, algorithm, per }) => `${requests}/${window} ${algorithm} per ${per}`,
      );
    expect(await written('plans/free')).toEqual([
      '60/60s sliding_window per account',
      '1000/86400s calendar per account',
    ]);
    expect(await written('plans/pro')).toEqual([
      '600/60s sliding_window per account',
      '20000/3600s sliding_window per account',
      '50000/86400s calendar per account',
    ]);
    const { limits } = await plans.getPlan({ name: 'plans/enterprise' }, admin);
    expect(limits).toEqual([Limit.create({ name: 'unlimited', algorithm: 'unlimited' })]);
  });

  it('counts a limit of a day by the calendar unless it has another algorithm', async () => {
    const limits = [
      { ...limit, name: 'day', window: '1d' },
      { ...limit, name: 'rolling', window: '1d', algorithm: 'sliding_window' },
    ];
    const plan = await plans.createPlan({ planId: 'daily', plan: Plan.create({ limits }) }, admin);
    expect(plan.limits.map(({ algorithm }) => algorithm)).toEqual(['calendar', 'sliding_window']);
  });

  it('names every invalid option of a limit', async () => {
    const limits = [
      { ...limit, name: 'a', burst: 5, timeZone: 'UTC', anchorDay: 3 },
      { ...limit, name: 'b', algorithm: 'token_bucket', burst: 0, lease: true, blockFor: 'long' },
      { ...limit, name: 'c', algorithm: 'calendar', window: '1mo', timeZone: 'Mars/Phobos', anchorDay: 32 },
      { ...limit, name: 'd', algorithm: 'unlimited', onStoreFailure: 'allow' },
      { ...limit, name: 'e', window: '30d', onStoreFailure: 'open' },
    ];
    const failure = await expectFailure(plans.createPlan({ planId: 'bad', plan: Plan.create({ limits }) }, admin));
    const of = (index: number, ...names: string[]) => names.map((name) => `plan.limits[${index}].${name}`);
    expect([...(failure.fields ?? [])].sort()).toEqual([
      ...of(0, 'anchor_day', 'burst', 'time_zone'),
      ...of(1, 'block_for', 'burst', 'lease'),
      ...of(2, 'anchor_day', 'time_zone'),
      ...of(3, 'on_store_failure', 'requests', 'window'),
      ...of(4, 'on_store_failure', 'window'),
    ]);
  });

  it('names every invalid field', async () => {
    const bad = { name: 'No!', requests: 0, window: '60', algorithm: 'guess' };
    const failure = await expectFailure(
      plans.createPlan(
        { planId: 'Bad id', plan: Plan.create({ displayName: '\0', limits: [limit, limit, bad] }) },
        admin,
      ),
    );
    expect(failure).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_FIELDS',
      fields: [
        'plan_id',
        'plan.display_name',
        'plan.limits[1].name',
        ...['name', 'requests', 'window', 'algorithm'].map((field) => `plan.limits[2].${field}`),
      ],
    });
  });

  it.each([
    ['no plan', { planId: 'some' }, ['plan']],
    ['nothing', {}, ['plan_id', 'plan']],
  ])('rejects a request with %s', async (_, request, fields) => {
    expect(await expectFailure(plans.createPlan(request, admin))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      fields,
    });
  });

  it('rejects an id that is taken with ALREADY_EXISTS', async () => {
    const plan = Plan.create({ limits: [limit] });
    const failure = await expectFailure(plans.createPlan({ planId: 'free', plan }, admin));
    expect(failure).toMatchObject({ code: status.ALREADY_EXISTS, reason: 'RESOURCE_EXISTS' });
  });

  it.each(['', 'free', 'plans/', 'plans/Free', "plans/a' or 1=1", 'plans/\0', 'apiKeys/free'])(
    'rejects the resource name %j with INVALID_ARGUMENT',
    async (name) => {
      const failure = await expectFailure(plans.getPlan({ name }, admin));
      expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['name'] });
    },
  );

  it('updates only the fields that are set if there is no mask', async () => {
    const plan = await newPlan();
    const updated = await plans.updatePlan({ plan: Plan.create({ name: plan.name, displayName: 'Only this' }) }, admin);
    expect(updated).toMatchObject({ displayName: 'Only this', limits: plan.limits });
  });

  it('updates all fields with the mask *, also to empty values', async () => {
    const plan = await newPlan();
    const change = { plan: Plan.create({ name: plan.name, limits: [{ ...limit, requests: 6 }] }), updateMask: '*' };
    expect(await plans.updatePlan(change, admin)).toMatchObject({ displayName: '', limits: [{ requests: 6 }] });
  });

  it('creates no plan without limits unless one says that it is unlimited', async () => {
    const planId = `p-${randomUUID()}`;
    const failure = await expectFailure(plans.createPlan({ planId, plan: Plan.create() }, admin));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['plan.limits'] });
    expect(failure.message).toContain('"algorithm": "unlimited"');
    const plan = Plan.create({ limits: [Limit.create({ name: 'unlimited', algorithm: 'unlimited' })] });
    expect(await plans.createPlan({ planId, plan }, admin)).toMatchObject({ limits: plan.limits });
  });

  it.each(['*', 'limits', 'displayName,limits'])(
    'removes no limits by an update with the mask %s and an empty list',
    async (updateMask) => {
      const { name } = await newPlan();
      const failure = await expectFailure(plans.updatePlan({ plan: Plan.create({ name }), updateMask }, admin));
      expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['plan.limits'] });
      expect((await plans.getPlan({ name }, admin)).limits).toHaveLength(1);
    },
  );

  it('reads and renames a plan without limits that an earlier version stored', async () => {
    const { name } = await newPlan();
    await node.database.em.fork().nativeUpdate(PlanEntity, name.slice('plans/'.length), { limits: [] });
    const renamed = await plans.updatePlan({ plan: Plan.create({ name, displayName: 'Renamed' }) }, admin);
    expect(renamed).toMatchObject({ displayName: 'Renamed', limits: [] });
    const { secret } = await newKey({ plan: name });
    expect(await stateOf(secret)).toBe(State.VALID);
  });

  it('rejects an update that names and sets no field, instead of doing nothing', async () => {
    const { name } = await newPlan();
    const { apiKey } = await newKey({ disabled: true });
    const failures = [
      await expectFailure(plans.updatePlan({ plan: Plan.create({ name }) }, admin)),
      await expectFailure(keys.updateApiKey({ apiKey: ApiKey.create({ name: apiKey.name, disabled: false }) }, admin)),
    ];
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['update_mask'] });
    }
    const enabled = { apiKey: ApiKey.create({ name: apiKey.name }), updateMask: 'disabled' };
    expect(await keys.updateApiKey(enabled, admin)).toMatchObject({ disabled: false });
  });

  it('updates features by a mask and names invalid ones', async () => {
    const created = await plans.createPlan(
      { planId: 'able', plan: Plan.create({ features: ['export'], limits: [limit] }) },
      admin,
    );
    expect(await plans.getPlan({ name: created.name }, admin)).toMatchObject({ features: ['export'] });
    const plan = Plan.create({ name: created.name, features: ['export', 'bulk'] });
    expect(await plans.updatePlan({ plan }, admin)).toMatchObject({ features: ['export', 'bulk'] });
    const wrong = { plan: { ...plan, features: ['two words'] }, updateMask: 'features' };
    expect(await expectFailure(plans.updatePlan(wrong, admin))).toMatchObject({ fields: ['plan.features[0]'] });
    const bad = { planId: 'unable', plan: Plan.create({ features: ['a', 'a'], limits: [limit] }) };
    expect(await expectFailure(plans.createPlan(bad, admin))).toMatchObject({ fields: ['plan.features[1]'] });
  });

  it('rejects a mask with a field that cannot be updated, and names the field', async () => {
    const plan = await newPlan();
    const failure = await expectFailure(plans.updatePlan({ plan, updateMask: 'limits,createTime' }, admin));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['update_mask'] });
    expect(failure.message).toContain('createTime');
  });

  it('rejects an update with an old etag with ABORTED and changes nothing', async () => {
    const plan = await newPlan();
    await plans.updatePlan({ plan: { ...plan, displayName: 'Theirs' } }, admin);
    const failure = await expectFailure(plans.updatePlan({ plan: { ...plan, displayName: 'Mine' } }, admin));
    expect(failure).toMatchObject({ code: status.ABORTED, reason: 'ETAG_MISMATCH' });
    expect(await plans.getPlan({ name: plan.name }, admin)).toMatchObject({ displayName: 'Theirs' });
  });

  it('applies only one of several concurrent updates with the same etag', async () => {
    const plan = await newPlan();
    const updates = Array.from({ length: 8 }, (_, index) =>
      plans.updatePlan({ plan: { ...plan, displayName: `Writer ${index}` } }, admin),
    );
    const settled = await Promise.allSettled(updates);
    expect(settled.filter((each) => each.status === 'fulfilled').length).toBe(1);
  });

  it('deletes a plan that only a deleted key uses, but not one that accounts or keys use', async () => {
    expect(await expectFailure(plans.deletePlan({ name: 'plans/free' }, admin))).toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: 'PLAN_IN_USE',
    });
    const { name } = await newPlan();
    const { apiKey } = await newKey({ plan: name });
    expect((await expectFailure(plans.deletePlan({ name }, admin))).reason).toBe('PLAN_IN_USE');
    await keys.deleteApiKey({ name: apiKey.name }, admin);
    await plans.deletePlan({ name }, admin);
  });

  it('lists every plan once across all pages, sorted by name', async () => {
    const names: string[] = [];
    let pageToken = '';
    do {
      const page = await plans.listPlans({ pageSize: 2, pageToken }, admin);
      expect(page.plans.length).toBeLessThanOrEqual(2);
      names.push(...page.plans.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    const { plans: all } = await plans.listPlans({}, admin);
    expect(names).toEqual(all.map(({ name }) => name));
    expect(names).toEqual([...new Set(names)].sort());
  });

  it('takes no page token of another method', async () => {
    const { nextPageToken: pageToken } = await plans.listPlans({ pageSize: 1 }, admin);
    const accounts = createClient(AccountServiceService, node.address);
    const failure = await expectFailure(accounts.listAccounts({ pageToken }, admin));
    accounts.close();
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['page_token'] });
  });

  it('names both an invalid page size and an invalid page token', async () => {
    const failure = await expectFailure(plans.listPlans({ pageSize: -1, pageToken: 'AAAA' }, admin));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['page_size', 'page_token'] });
  });
});

describe('ApiKeyService', () => {
  it('creates a key with a secret that it returns once and stores nowhere', async () => {
    const { apiKey, secret } = await newKey({ displayName: 'demo', plan: 'plans/pro' });
    expect(secret).toMatch(/^wk_live_[0-9A-Za-z]{28}$/);
    expect(apiKey).toMatchObject({ displayName: 'demo', plan: 'plans/pro', disabled: false, expireTime: undefined });
    expect(apiKey.hint).toBe(`wk_live_…${secret.slice(-4)}`);
    expect(await keys.getApiKey({ name: apiKey.name }, admin)).toEqual(apiKey);
    const row = await node.database.em.fork().findOneOrFail(ApiKeyEntity, apiKey.name.replace('apiKeys/', ''));
    expect(JSON.stringify(Object.values(row))).not.toContain(secret.slice(8));
    expect(JSON.stringify(node.lines)).not.toContain(secret);
  });

  it('creates a key for the account of the caller, unless an administrator names another one', async () => {
    const { apiKey: own } = await newKey();
    const { apiKey: users } = await newKey({}, user);
    const { apiKey: given } = await newKey({ account: users.account });
    expect(own.account).not.toBe(users.account);
    expect(given.account).toBe(users.account);
  });

  it.each([
    ['a plan that is not a resource name', { plan: 'pro' }, 'api_key.plan'],
    ['a plan that does not exist', { plan: 'plans/nope' }, 'api_key.plan'],
    ['an account that is not a resource name', { account: 'me' }, 'api_key.account'],
    ['an account that does not exist', { account: `accounts/${randomUUID()}` }, 'api_key.account'],
    ['an expiry in the past', { expireTime: new Date(0) }, 'api_key.expire_time'],
    ['an expiry after the year 9999', { expireTime: new Date(8.64e15) }, 'api_key.expire_time'],
    ['a display name that is too long', { displayName: 'x'.repeat(201) }, 'api_key.display_name'],
    ['a display name with a line break', { displayName: 'a\nb' }, 'api_key.display_name'],
  ])('rejects a new key with %s', async (_, fields, field) => {
    expect(await expectFailure(newKey(fields))).toMatchObject({ code: status.INVALID_ARGUMENT, fields: [field] });
  });

  it('names every invalid option of a limit', async () => {
    const limits = [
      { ...limit, name: 'a', burst: 5, timeZone: 'UTC', anchorDay: 3 },
      { ...limit, name: 'b', algorithm: 'token_bucket', burst: 0, lease: true, blockFor: 'long' },
      { ...limit, name: 'c', algorithm: 'calendar', window: '1mo', timeZone: 'Mars/Phobos', anchorDay: 32 },
      { ...limit, name: 'd', algorithm: 'unlimited', onStoreFailure: 'allow' },
      { ...limit, name: 'e', window: '30d', onStoreFailure: 'open' },
    ];
    const failure = await expectFailure(newKey({ limits: limits.map((fields) => Limit.create(fields)) }));
    const of = (index: number, ...names: string[]) => names.map((name) => `api_key.limits[${index}].${name}`);
    expect([...(failure.fields ?? [])].sort()).toEqual([
      ...of(0, 'anchor_day', 'burst', 'time_zone'),
      ...of(1, 'block_for', 'burst', 'lease'),
      ...of(2, 'anchor_day', 'time_zone'),
      ...of(3, 'on_store_failure', 'requests', 'window'),
      ...of(4, 'on_store_failure', 'window'),
    ]);
  });

  it('names every invalid field', async () => {
    const failure = await expectFailure(
      newKey({ plan: 'x', account: 'y', displayName: '\u0007', expireTime: new Date(1) }),
    );
    expect(new Set(failure.fields)).toEqual(
      new Set(['api_key.plan', 'api_key.account', 'api_key.display_name', 'api_key.expire_time']),
    );
  });

  it('disables and enables a key by a mask with only that field', async () => {
    const { apiKey, secret } = await newKey({ displayName: 'stays' });
    const patch = ApiKey.create({ name: apiKey.name, disabled: true });
    expect(await keys.updateApiKey({ apiKey: patch, updateMask: 'disabled' }, admin)).toMatchObject({
      disabled: true,
      displayName: 'stays',
    });
    await expect.poll(() => stateOf(secret)).toBe(State.DISABLED);
    await keys.updateApiKey({ apiKey: { ...patch, disabled: false }, updateMask: 'disabled' }, admin);
    await expect.poll(() => stateOf(secret)).toBe(State.VALID);
  });

  it('clears plan and expiry by a mask that names them without a value', async () => {
    const { apiKey } = await newKey({ plan: 'plans/pro', expireTime: new Date(Date.now() + 60_000) });
    const patch = ApiKey.create({ name: apiKey.name });
    const updated = await keys.updateApiKey({ apiKey: patch, updateMask: 'plan,expireTime' }, admin);
    expect(updated).toMatchObject({ plan: '', expireTime: undefined });
  });

  it.each([
    ['a mask with an output-only field', { updateMask: 'hint' }, {}, ['update_mask']],
    ['a plan that does not exist', { updateMask: 'plan' }, { plan: 'plans/nope' }, ['api_key.plan']],
    ['no resource name', {}, { name: '' }, ['api_key.name']],
  ])('rejects an update with %s', async (_, request, fields, expected) => {
    const { apiKey } = await newKey();
    const failure = await expectFailure(keys.updateApiKey({ apiKey: { ...apiKey, ...fields }, ...request }, admin));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: expected });
  });

  it('rejects an update with an old etag', async () => {
    const { apiKey } = await newKey();
    await keys.updateApiKey({ apiKey: { ...apiKey, disabled: true }, updateMask: 'disabled' }, admin);
    const failure = await expectFailure(keys.updateApiKey({ apiKey, updateMask: 'disabled' }, admin));
    expect(failure).toMatchObject({ code: status.ABORTED, reason: 'ETAG_MISMATCH' });
  });

  it('rotates a key: the new one works, and the old one works until the overlap ends', async () => {
    const old = await newKey({ displayName: 'rotated', plan: 'plans/pro' });
    const before = Date.now();
    const { apiKey, secret } = await keys.rotateApiKey({ name: old.apiKey.name, overlap: '1h' }, admin);
    expect(apiKey).toMatchObject({ displayName: 'rotated', plan: 'plans/pro', account: old.apiKey.account });
    expect(apiKey?.name).not.toBe(old.apiKey.name);
    await expect.poll(() => stateOf(secret)).toBe(State.VALID);
    expect(await stateOf(old.secret)).toBe(State.VALID);
    const { expireTime } = await keys.getApiKey({ name: old.apiKey.name }, admin);
    expect(Number(expireTime)).toBeGreaterThanOrEqual(before + 3_600_000);
    expect(Number(expireTime)).toBeLessThanOrEqual(Date.now() + 3_600_000);
  });

  it('expires the old key at once when it rotates a key without an overlap', async () => {
    const old = await newKey();
    await keys.rotateApiKey({ name: old.apiKey.name }, admin);
    await expect.poll(() => stateOf(old.secret)).toBe(State.EXPIRED);
  });

  it('never extends the lifetime of a key by an overlap', async () => {
    const expireTime = new Date(Date.now() + 60_000);
    const old = await newKey({ expireTime });
    await keys.rotateApiKey({ name: old.apiKey.name, overlap: '1d' }, admin);
    expect((await keys.getApiKey({ name: old.apiKey.name }, admin)).expireTime).toEqual(expireTime);
  });

  it('rejects the rotation of a disabled or expired key, and an invalid overlap', async () => {
    const { apiKey: disabled } = await newKey({ disabled: true });
    expect(await expectFailure(keys.rotateApiKey({ name: disabled.name }, admin))).toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: 'API_KEY_DISABLED',
    });
    const { apiKey: expired } = await newKey();
    await keys.rotateApiKey({ name: expired.name }, admin);
    expect((await expectFailure(keys.rotateApiKey({ name: expired.name }, admin))).reason).toBe('API_KEY_EXPIRED');
    const { apiKey } = await newKey();
    const failure = await expectFailure(keys.rotateApiKey({ name: apiKey.name, overlap: 'soon' }, admin));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['overlap'] });
  });

  it('does not find a deleted key, but keeps its row', async () => {
    const { apiKey, secret } = await newKey();
    await expect.poll(() => stateOf(secret)).toBe(State.VALID);
    await keys.deleteApiKey({ name: apiKey.name }, admin);
    await expect.poll(() => stateOf(secret)).toBe(State.UNKNOWN);
    for (const call of [
      () => keys.getApiKey({ name: apiKey.name }, admin),
      () => keys.deleteApiKey({ name: apiKey.name }, admin),
      () => keys.rotateApiKey({ name: apiKey.name }, admin),
      () => keys.updateApiKey({ apiKey, updateMask: 'disabled' }, admin),
      () => keys.getApiKey({ name: unknownKey }, admin),
    ]) {
      expect(await expectFailure(call())).toMatchObject({ code: status.NOT_FOUND, reason: 'RESOURCE_NOT_FOUND' });
    }
    expect(await node.database.em.fork().count(ApiKeyEntity, apiKey.name.replace('apiKeys/', ''))).toBe(1);
  });

  it('lists every key once across all pages', async () => {
    const names: string[] = [];
    let pageToken = '';
    do {
      const page = await keys.listApiKeys({ pageSize: 3, pageToken }, admin);
      names.push(...page.apiKeys.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    const { apiKeys: all } = await keys.listApiKeys({ pageSize: 1000 }, admin);
    expect(names).toEqual(all.map(({ name }) => name));
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('TokenInfoService', () => {
  it('returns account, plan and limits of a key to the holder of its secret', async () => {
    const { apiKey, secret } = await newKey({ plan: 'plans/pro' });
    await expect.poll(() => stateOf(secret)).toBe(State.VALID);
    expect(await info.getTokenInfo({ secret })).toMatchObject({
      apiKey: apiKey.name,
      account: apiKey.account,
      plan: 'plans/pro',
      limits: [{ requests: 600 }, { requests: 20_000 }, { requests: 50_000 }],
    });
  });

  it('returns the plan of the account for a key without a plan', async () => {
    const { secret } = await newKey({}, user);
    await expect.poll(async () => (await info.getTokenInfo({ secret })).plan).toBe('plans/free');
  });

  it.each([['garbage'], ['wk_live_0000000000000000000000000000'], ['\0'], ['x'.repeat(10_000)]])(
    'returns nothing about an unknown secret',
    async (secret) => {
      expect(await info.getTokenInfo({ secret })).toMatchObject({ state: State.UNKNOWN, apiKey: '', account: '' });
    },
  );

  it('rejects a request without a secret with INVALID_ARGUMENT', async () => {
    const failure = await expectFailure(info.getTokenInfo({}));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['secret'] });
  });
});
