import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AccountEntity, ApiKeyEntity } from '../../src/database/entities.ts';
import { ApiKey, ApiKeyServiceService } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { Plan, PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import {
  GetTokenInfoResponse_State as State,
  TokenInfoServiceService,
} from '../../src/generated/weir/admin/v1/token_info_service.ts';
import { hashPassword } from '../../src/identity/secrets/password.ts';
import { newDatabase } from '../support/databases.ts';
import { ADMIN, clientOf, failureOf, startAdminNode } from './admin-node.ts';

let node: Awaited<ReturnType<typeof startAdminNode>>;
let auth: ReturnType<typeof clientOf<typeof AuthServiceService>>;
let plans: ReturnType<typeof clientOf<typeof PlanServiceService>>;
let keys: ReturnType<typeof clientOf<typeof ApiKeyServiceService>>;
let info: ReturnType<typeof clientOf<typeof TokenInfoServiceService>>;
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
  return { apiKey: apiKey ?? expect.fail('no key in the answer'), secret };
};
const stateOf = async (secret: string) => (await info.getTokenInfo({ secret })).state;

beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
  auth = clientOf(AuthServiceService, node.address);
  plans = clientOf(PlanServiceService, node.address);
  keys = clientOf(ApiKeyServiceService, node.address);
  info = clientOf(TokenInfoServiceService, node.address);
  const em = node.database.em.fork();
  em.create(AccountEntity, {
    id: randomUUID(),
    email: USER.email,
    passwordHash: await hashPassword(USER.password),
    role: 'user',
    planId: 'free',
  });
  await em.flush();
  admin = await signIn(ADMIN);
  user = await signIn(USER);
});
afterAll(async () => {
  for (const client of [auth, plans, keys, info]) client.close();
  await node.stop();
});

describe('signing in', () => {
  test('gives an access token, a refresh token and the seconds until it expires', async () => {
    const answer = await auth.login(ADMIN);
    expect(answer).toMatchObject({ expiresIn: 900, refreshToken: expect.stringMatching(/^wr_/) });
    await plans.listPlans({}, { authorization: `Bearer ${answer.accessToken}` });
  });

  test('takes the address in any case', async () => {
    await auth.login({ ...ADMIN, email: ADMIN.email.toUpperCase() });
  });

  test('gives one answer for an unknown address and for a wrong password', async () => {
    const wrong = await failureOf(auth.login({ ...ADMIN, password: 'wrong' }));
    const unknown = await failureOf(auth.login({ ...ADMIN, email: 'nobody@example.com' }));
    expect(wrong).toMatchObject({ code: status.UNAUTHENTICATED, reason: 'CREDENTIALS_INVALID', domain: 'weir' });
    expect({ ...unknown, message: unknown.message }).toEqual({ ...wrong, message: wrong.message });
  });

  test('names both fields when neither is given', async () => {
    const failure = await failureOf(auth.login({}));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['email', 'password'] });
  });

  test('a refresh token works once and gives the next', async () => {
    const first = await auth.login(ADMIN);
    const second = await auth.refreshToken({ refreshToken: first.refreshToken });
    expect(second.refreshToken).not.toBe(first.refreshToken);
    const third = await auth.refreshToken({ refreshToken: second.refreshToken });
    await plans.listPlans({}, { authorization: `Bearer ${third.accessToken}` });
  });

  test('a used refresh token that comes again ends its session, access tokens and all', async () => {
    const first = await auth.login(ADMIN);
    const second = await auth.refreshToken({ refreshToken: first.refreshToken });
    const reused = await failureOf(auth.refreshToken({ refreshToken: first.refreshToken }));
    expect(reused).toMatchObject({ code: status.UNAUTHENTICATED, reason: 'CREDENTIALS_INVALID' });
    const newest = await failureOf(auth.refreshToken({ refreshToken: second.refreshToken }));
    expect(newest.code).toBe(status.UNAUTHENTICATED);
    const access = await failureOf(plans.listPlans({}, { authorization: `Bearer ${second.accessToken}` }));
    expect(access).toMatchObject({ code: status.UNAUTHENTICATED, reason: 'TOKEN_INVALID' });
  });

  test('of many calls with one refresh token one at most gets another', async () => {
    const { refreshToken } = await auth.login(ADMIN);
    const calls = await Promise.allSettled(Array.from({ length: 8 }, () => auth.refreshToken({ refreshToken })));
    expect(calls.filter((call) => call.status === 'fulfilled').length).toBe(1);
  });

  test.each([
    ['no refresh token', '', status.INVALID_ARGUMENT],
    ['garbage', 'garbage', status.UNAUTHENTICATED],
    ['one of no family', `wr_${'a'.repeat(32)}.${'b'.repeat(32)}`, status.UNAUTHENTICATED],
  ])('%s is refused', async (_, refreshToken, code) => {
    expect((await failureOf(auth.refreshToken({ refreshToken }))).code).toBe(code);
  });
});

describe('who calls', () => {
  test.each([
    ['no token', {}, 'TOKEN_MISSING'],
    ['another scheme', { authorization: 'Basic YTpi' }, 'TOKEN_INVALID'],
    ['a token that is none', { authorization: 'Bearer x.y.z' }, 'TOKEN_INVALID'],
    ['a very long one', { authorization: `Bearer ${'x'.repeat(5000)}` }, 'TOKEN_INVALID'],
  ])('%s is UNAUTHENTICATED', async (_, headers, reason) => {
    for (const call of [
      () => plans.listPlans({}, headers),
      () => plans.createPlan({}, headers),
      () => keys.createApiKey({}, headers),
      () => keys.listApiKeys({}, headers),
    ]) {
      expect(await failureOf(call())).toMatchObject({ code: status.UNAUTHENTICATED, reason });
    }
  });

  test('who is no administrator may not change plans, nor give keys a plan or an account', async () => {
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
      () => keys.getApiKey({ name: foreign.name }, user),
      () => keys.getApiKey({ name: unknownKey }, user),
      () => keys.updateApiKey({ apiKey: { ...foreign, disabled: true }, updateMask: 'disabled' }, user),
      () => keys.rotateApiKey({ name: foreign.name }, user),
      () => keys.deleteApiKey({ name: foreign.name }, user),
    ]) {
      expect(await failureOf(call())).toMatchObject({ code: status.PERMISSION_DENIED, reason: 'NOT_ADMINISTRATOR' });
    }
  });

  test('who is no administrator manages the keys of the own account, and sees no others', async () => {
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

describe('plans', () => {
  test('are made, got, updated and deleted', async () => {
    const made = await plans.createPlan(
      { planId: 'team', plan: Plan.create({ displayName: 'Team', limits: [limit] }) },
      admin,
    );
    expect(made).toMatchObject({
      name: 'plans/team',
      displayName: 'Team',
      limits: [{ name: 'burst', requests: 5, window: '60s', algorithm: 'sliding_window' }],
      etag: '"1"',
    });
    expect(await plans.getPlan({ name: 'plans/team' }, user)).toEqual(made);
    const updated = await plans.updatePlan(
      { plan: { ...made, displayName: 'A team', limits: [] }, updateMask: 'displayName' },
      admin,
    );
    expect(updated).toMatchObject({ displayName: 'A team', limits: made.limits, etag: '"2"' });
    await plans.deletePlan({ name: 'plans/team' }, admin);
    const gone = await failureOf(plans.getPlan({ name: 'plans/team' }, admin));
    expect(gone).toMatchObject({ code: status.NOT_FOUND, reason: 'RESOURCE_NOT_FOUND' });
  });

  test('the first start made free, pro and enterprise', async () => {
    const written = async (name: string) =>
      (await plans.getPlan({ name }, admin)).limits.map(
        ({ requests, window, algorithm }) => `${requests}/${window} ${algorithm}`,
      );
    expect(await written('plans/free')).toEqual(['60/60s sliding_window', '1000/86400s calendar']);
    expect(await written('plans/pro')).toEqual([
      '600/60s sliding_window',
      '20000/3600s sliding_window',
      '50000/86400s calendar',
    ]);
    expect(await written('plans/enterprise')).toEqual([]);
  });

  test('a limit of a day is a calendar one unless it says otherwise', async () => {
    const limits = [
      { ...limit, name: 'day', window: '1d' },
      { ...limit, name: 'rolling', window: '1d', algorithm: 'sliding_window' },
    ];
    const plan = await plans.createPlan({ planId: 'daily', plan: Plan.create({ limits }) }, admin);
    expect(plan.limits.map(({ algorithm }) => algorithm)).toEqual(['calendar', 'sliding_window']);
  });

  test('every bad option of a limit is named', async () => {
    const limits = [
      { ...limit, name: 'a', burst: 5, timeZone: 'UTC', anchorDay: 3 },
      { ...limit, name: 'b', algorithm: 'token_bucket', burst: 0, lease: true, blockFor: 'long' },
      { ...limit, name: 'c', algorithm: 'calendar', window: '1mo', timeZone: 'Mars/Phobos', anchorDay: 32 },
      { ...limit, name: 'd', algorithm: 'unlimited', onStoreFailure: 'allow' },
      { ...limit, name: 'e', window: '30d', onStoreFailure: 'open' },
    ];
    const failure = await failureOf(plans.createPlan({ planId: 'bad', plan: Plan.create({ limits }) }, admin));
    const of = (index: number, ...names: string[]) => names.map((name) => `plan.limits[${index}].${name}`);
    expect([...(failure.fields ?? [])].sort()).toEqual([
      ...of(0, 'anchor_day', 'burst', 'time_zone'),
      ...of(1, 'block_for', 'burst', 'lease'),
      ...of(2, 'anchor_day', 'time_zone'),
      ...of(3, 'on_store_failure', 'requests', 'window'),
      ...of(4, 'on_store_failure', 'window'),
    ]);
  });

  test('every bad field is named', async () => {
    const bad = { name: 'No!', requests: 0, window: '60', algorithm: 'guess' };
    const failure = await failureOf(
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

  test.each([
    ['no plan', { planId: 'some' }, ['plan']],
    ['nothing', {}, ['plan_id', 'plan']],
  ])('a plan is not made of %s', async (_, request, fields) => {
    expect(await failureOf(plans.createPlan(request, admin))).toMatchObject({ code: status.INVALID_ARGUMENT, fields });
  });

  test('a taken id is ALREADY_EXISTS', async () => {
    const failure = await failureOf(plans.createPlan({ planId: 'free', plan: Plan.create() }, admin));
    expect(failure).toMatchObject({ code: status.ALREADY_EXISTS, reason: 'RESOURCE_EXISTS' });
  });

  test.each(['', 'free', 'plans/', 'plans/Free', "plans/a' or 1=1", 'plans/\0', 'apiKeys/free'])(
    'the name %j is INVALID_ARGUMENT',
    async (name) => {
      const failure = await failureOf(plans.getPlan({ name }, admin));
      expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['name'] });
    },
  );

  test('without a mask an update changes what it sets, and nothing else', async () => {
    const plan = await newPlan();
    const updated = await plans.updatePlan({ plan: Plan.create({ name: plan.name, displayName: 'Only this' }) }, admin);
    expect(updated).toMatchObject({ displayName: 'Only this', limits: plan.limits });
  });

  test('with the mask * an update changes all, also to nothing', async () => {
    const plan = await newPlan();
    const updated = await plans.updatePlan({ plan: Plan.create({ name: plan.name }), updateMask: '*' }, admin);
    expect(updated).toMatchObject({ displayName: '', limits: [] });
  });

  test('have features, which are updated by a mask and refused by name', async () => {
    const made = await plans.createPlan({ planId: 'able', plan: Plan.create({ features: ['export'] }) }, admin);
    expect(await plans.getPlan({ name: made.name }, admin)).toMatchObject({ features: ['export'] });
    const plan = Plan.create({ name: made.name, features: ['export', 'bulk'] });
    expect(await plans.updatePlan({ plan }, admin)).toMatchObject({ features: ['export', 'bulk'] });
    const wrong = { plan: { ...plan, features: ['Export'] }, updateMask: 'features' };
    expect(await failureOf(plans.updatePlan(wrong, admin))).toMatchObject({ fields: ['plan.features[0]'] });
    const bad = { planId: 'unable', plan: Plan.create({ features: ['a', 'a'] }) };
    expect(await failureOf(plans.createPlan(bad, admin))).toMatchObject({ fields: ['plan.features[1]'] });
  });

  test('a mask with a field that cannot be updated is refused, by name', async () => {
    const plan = await newPlan();
    const failure = await failureOf(plans.updatePlan({ plan, updateMask: 'limits,createTime' }, admin));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['update_mask'] });
    expect(failure.message).toContain('createTime');
  });

  test('an update with an old etag is ABORTED and changes nothing', async () => {
    const plan = await newPlan();
    await plans.updatePlan({ plan: { ...plan, displayName: 'Theirs' } }, admin);
    const failure = await failureOf(plans.updatePlan({ plan: { ...plan, displayName: 'Mine' } }, admin));
    expect(failure).toMatchObject({ code: status.ABORTED, reason: 'ETAG_MISMATCH' });
    expect(await plans.getPlan({ name: plan.name }, admin)).toMatchObject({ displayName: 'Theirs' });
  });

  test('of many updates of one etag one succeeds', async () => {
    const plan = await newPlan();
    const updates = Array.from({ length: 8 }, (_, index) =>
      plans.updatePlan({ plan: { ...plan, displayName: `Writer ${index}` } }, admin),
    );
    const settled = await Promise.allSettled(updates);
    expect(settled.filter((each) => each.status === 'fulfilled').length).toBe(1);
  });

  test('a plan that accounts or keys use is not deleted; one that only a deleted key used is', async () => {
    expect(await failureOf(plans.deletePlan({ name: 'plans/free' }, admin))).toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: 'PLAN_IN_USE',
    });
    const { name } = await newPlan();
    const { apiKey } = await newKey({ plan: name });
    expect((await failureOf(plans.deletePlan({ name }, admin))).reason).toBe('PLAN_IN_USE');
    await keys.deleteApiKey({ name: apiKey.name }, admin);
    await plans.deletePlan({ name }, admin);
  });

  test('pages together list every plan once, sorted', async () => {
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

  test('a bad page size and a bad page token are both named', async () => {
    const failure = await failureOf(plans.listPlans({ pageSize: -1, pageToken: 'AAAA' }, admin));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['page_size', 'page_token'] });
  });
});

describe('API keys', () => {
  test('are made with a secret that is shown once and stored nowhere', async () => {
    const { apiKey, secret } = await newKey({ displayName: 'demo', plan: 'plans/pro' });
    expect(secret).toMatch(/^wk_live_[0-9A-Za-z]{28}$/);
    expect(apiKey).toMatchObject({ displayName: 'demo', plan: 'plans/pro', disabled: false, expireTime: undefined });
    expect(apiKey.hint).toBe(`wk_live_…${secret.slice(-4)}`);
    expect(await keys.getApiKey({ name: apiKey.name }, admin)).toEqual(apiKey);
    const row = await node.database.em.fork().findOneOrFail(ApiKeyEntity, apiKey.name.replace('apiKeys/', ''));
    expect(JSON.stringify(Object.values(row))).not.toContain(secret.slice(8));
    expect(JSON.stringify(node.lines)).not.toContain(secret);
  });

  test('belong to the account of the caller unless an administrator names another', async () => {
    const { apiKey: own } = await newKey();
    const { apiKey: users } = await newKey({}, user);
    const { apiKey: given } = await newKey({ account: users.account });
    expect(own.account).not.toBe(users.account);
    expect(given.account).toBe(users.account);
  });

  test.each([
    ['a plan that is no name', { plan: 'pro' }, 'api_key.plan'],
    ['a plan that does not exist', { plan: 'plans/nope' }, 'api_key.plan'],
    ['an account that is no name', { account: 'me' }, 'api_key.account'],
    ['an account that does not exist', { account: `accounts/${randomUUID()}` }, 'api_key.account'],
    ['an expiry that is past', { expireTime: new Date(0) }, 'api_key.expire_time'],
    ['an expiry beyond all years', { expireTime: new Date(8.64e15) }, 'api_key.expire_time'],
    ['a name too long', { displayName: 'x'.repeat(201) }, 'api_key.display_name'],
    ['a name with a line end', { displayName: 'a\nb' }, 'api_key.display_name'],
  ])('are not made with %s', async (_, fields, field) => {
    expect(await failureOf(newKey(fields))).toMatchObject({ code: status.INVALID_ARGUMENT, fields: [field] });
  });

  test('every bad option of a limit is named', async () => {
    const limits = [
      { ...limit, name: 'a', burst: 5, timeZone: 'UTC', anchorDay: 3 },
      { ...limit, name: 'b', algorithm: 'token_bucket', burst: 0, lease: true, blockFor: 'long' },
      { ...limit, name: 'c', algorithm: 'calendar', window: '1mo', timeZone: 'Mars/Phobos', anchorDay: 32 },
      { ...limit, name: 'd', algorithm: 'unlimited', onStoreFailure: 'allow' },
      { ...limit, name: 'e', window: '30d', onStoreFailure: 'open' },
    ];
    const failure = await failureOf(plans.createPlan({ planId: 'bad', plan: Plan.create({ limits }) }, admin));
    const of = (index: number, ...names: string[]) => names.map((name) => `plan.limits[${index}].${name}`);
    expect([...(failure.fields ?? [])].sort()).toEqual([
      ...of(0, 'anchor_day', 'burst', 'time_zone'),
      ...of(1, 'block_for', 'burst', 'lease'),
      ...of(2, 'anchor_day', 'time_zone'),
      ...of(3, 'on_store_failure', 'requests', 'window'),
      ...of(4, 'on_store_failure', 'window'),
    ]);
  });

  test('every bad field is named', async () => {
    const failure = await failureOf(
      newKey({ plan: 'x', account: 'y', displayName: '\u0007', expireTime: new Date(1) }),
    );
    expect(new Set(failure.fields)).toEqual(
      new Set(['api_key.plan', 'api_key.account', 'api_key.display_name', 'api_key.expire_time']),
    );
  });

  test('are disabled and enabled by a mask that names nothing else', async () => {
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

  test('lose plan and expiry by a mask that names them without a value', async () => {
    const { apiKey } = await newKey({ plan: 'plans/pro', expireTime: new Date(Date.now() + 60_000) });
    const patch = ApiKey.create({ name: apiKey.name });
    const updated = await keys.updateApiKey({ apiKey: patch, updateMask: 'plan,expireTime' }, admin);
    expect(updated).toMatchObject({ plan: '', expireTime: undefined });
  });

  test.each([
    ['a mask of an output field', { updateMask: 'hint' }, {}, ['update_mask']],
    ['a plan that does not exist', { updateMask: 'plan' }, { plan: 'plans/nope' }, ['api_key.plan']],
    ['no name', {}, { name: '' }, ['api_key.name']],
  ])('are not updated with %s', async (_, request, fields, expected) => {
    const { apiKey } = await newKey();
    const failure = await failureOf(keys.updateApiKey({ apiKey: { ...apiKey, ...fields }, ...request }, admin));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: expected });
  });

  test('are not updated with an old etag', async () => {
    const { apiKey } = await newKey();
    await keys.updateApiKey({ apiKey: { ...apiKey, disabled: true }, updateMask: 'disabled' }, admin);
    const failure = await failureOf(keys.updateApiKey({ apiKey, updateMask: 'disabled' }, admin));
    expect(failure).toMatchObject({ code: status.ABORTED, reason: 'ETAG_MISMATCH' });
  });

  test('rotate: the new key works, the old one for the overlap', async () => {
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

  test('rotate without overlap: the old key has expired', async () => {
    const old = await newKey();
    await keys.rotateApiKey({ name: old.apiKey.name }, admin);
    await expect.poll(() => stateOf(old.secret)).toBe(State.EXPIRED);
  });

  test('rotate: an overlap never makes a key live longer', async () => {
    const expireTime = new Date(Date.now() + 60_000);
    const old = await newKey({ expireTime });
    await keys.rotateApiKey({ name: old.apiKey.name, overlap: '1d' }, admin);
    expect((await keys.getApiKey({ name: old.apiKey.name }, admin)).expireTime).toEqual(expireTime);
  });

  test('do not rotate when they are disabled or expired, nor by an overlap that is none', async () => {
    const { apiKey: disabled } = await newKey({ disabled: true });
    expect(await failureOf(keys.rotateApiKey({ name: disabled.name }, admin))).toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: 'API_KEY_DISABLED',
    });
    const { apiKey: expired } = await newKey();
    await keys.rotateApiKey({ name: expired.name }, admin);
    expect((await failureOf(keys.rotateApiKey({ name: expired.name }, admin))).reason).toBe('API_KEY_EXPIRED');
    const { apiKey } = await newKey();
    const failure = await failureOf(keys.rotateApiKey({ name: apiKey.name, overlap: 'soon' }, admin));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['overlap'] });
  });

  test('when deleted are found no more, though the row stays', async () => {
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
      expect(await failureOf(call())).toMatchObject({ code: status.NOT_FOUND, reason: 'RESOURCE_NOT_FOUND' });
    }
    expect(await node.database.em.fork().count(ApiKeyEntity, apiKey.name.replace('apiKeys/', ''))).toBe(1);
  });

  test('pages together list every key once', async () => {
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

describe('token info', () => {
  test('tells account, plan and limits to whoever has the secret', async () => {
    const { apiKey, secret } = await newKey({ plan: 'plans/pro' });
    await expect.poll(() => stateOf(secret)).toBe(State.VALID);
    expect(await info.getTokenInfo({ secret })).toMatchObject({
      apiKey: apiKey.name,
      account: apiKey.account,
      plan: 'plans/pro',
      limits: [{ requests: 600 }, { requests: 20_000 }, { requests: 50_000 }],
    });
  });

  test('of a key without a plan tells the plan of its account', async () => {
    const { secret } = await newKey({}, user);
    await expect.poll(async () => (await info.getTokenInfo({ secret })).plan).toBe('plans/free');
  });

  test.each([['garbage'], ['wk_live_0000000000000000000000000000'], ['\0'], ['x'.repeat(10_000)]])(
    'tells nothing of a secret that is unknown',
    async (secret) => {
      expect(await info.getTokenInfo({ secret })).toMatchObject({ state: State.UNKNOWN, apiKey: '', account: '' });
    },
  );

  test('without a secret is INVALID_ARGUMENT', async () => {
    const failure = await failureOf(info.getTokenInfo({}));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['secret'] });
  });
});
