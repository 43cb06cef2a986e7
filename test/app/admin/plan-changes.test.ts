import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createQuery, type Database, openDatabase } from '../../../src/database/open-database.ts';
import { Account } from '../../../src/generated/weir/admin/v1/account.ts';
import { AccountServiceService } from '../../../src/generated/weir/admin/v1/account_service.ts';
import { ApiKey, ApiKeyServiceService } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import {
  AuditEvent_ActorKind as ActorKind,
  AuditServiceService,
} from '../../../src/generated/weir/admin/v1/audit_service.ts';
import { AuthServiceService, LoginRequest } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { Limit } from '../../../src/generated/weir/admin/v1/limit.ts';
import {
  LimitPreview_Continuation as Continuation,
  ChangePlanRequest_Counters as Counters,
  ChangePlanRequest_Effective as Effective,
} from '../../../src/generated/weir/admin/v1/plan_change.ts';
import { Plan, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { createClient, expectFailure } from '../../admin/admin-node.ts';
import { check, httpStatus } from '../../support/clients/decision-calls.ts';
import { newDatabase } from '../../support/databases.ts';
import { ADMINISTRATOR, TestNode } from '../../support/node.ts';

const DAY = { name: 'day', window: '1d', algorithm: 'calendar', per: 'account' };
const PLANS = {
  small: [
    { ...DAY, requests: 5 },
    { name: 'hour', requests: 4, window: '1h', per: 'account' },
  ],
  large: [
    { ...DAY, requests: 8 },
    { name: 'month', requests: 100, window: '1mo', per: 'account' },
    { name: 'hour', requests: 50, window: '2h', per: 'account' },
  ],
  own: [{ name: 'burst', requests: 3, window: '1h' }],
  open: [{ name: 'unlimited', algorithm: 'unlimited' }],
};

let node: TestNode;
let second: TestNode;
let database: Database;
let accounts: ReturnType<typeof createClient<typeof AccountServiceService>>;
let keys: ReturnType<typeof createClient<typeof ApiKeyServiceService>>;
let plans: ReturnType<typeof createClient<typeof PlanServiceService>>;
let audit: ReturnType<typeof createClient<typeof AuditServiceService>>;
let admin: { authorization: string };

beforeAll(async () => {
  const url = await newDatabase();
  node = await TestNode.start({ DATABASE_URL: url });
  second = await TestNode.start({ DATABASE_URL: url });
  database = await openDatabase({ url });
  const address = `127.0.0.1:${node.app.ports.admin}`;
  accounts = createClient(AccountServiceService, address);
  keys = createClient(ApiKeyServiceService, address);
  plans = createClient(PlanServiceService, address);
  audit = createClient(AuditServiceService, address);
  const { accessToken } = await node.admin.call(AuthServiceService.login, ADMINISTRATOR);
  admin = { authorization: `Bearer ${accessToken}` };
  for (const [planId, limits] of Object.entries(PLANS)) {
    await plans.createPlan(
      { planId, plan: Plan.fromPartial({ limits: limits.map((each) => Limit.fromPartial(each)) }) },
      admin,
    );
  }
});
afterAll(async () => {
  for (const client of [accounts, keys, plans, audit]) client?.close();
  await database?.close(true);
  await Promise.all([node?.stop(), second?.stop()]);
});

let account: string;
let key: { name: string; secret: string };

beforeEach(async () => {
  account = (await accounts.createAccount({ account: Account.fromPartial({ plan: 'plans/small' }) }, admin)).name;
  key = await createKey({ account });
});

async function createKey(fields: Partial<ApiKey>) {
  const { apiKey, secret } = await keys.createApiKey({ apiKey: ApiKey.create(fields) }, admin);
  return { name: apiKey?.name ?? '', secret };
}

/** Makes requests with a key. Returns how many were allowed. */
async function request(count: number, secret = key.secret): Promise<number> {
  let allowed = 0;
  for (let index = 0; index < count; index++) {
    if (httpStatus(await check(node.decision, { 'x-api-key': secret })) === 200) allowed += 1;
  }
  return allowed;
}

const planOf = async (name: string) => (await accounts.getAccount({ name }, admin)).plan;
const scheduled = async (filter = `account = "${account}"`) =>
  (await accounts.listPlanChanges({ filter }, admin)).planChanges;

/** Makes the time of all scheduled changes come. */
const makeDue = () =>
  createQuery(database)(`update scheduled_plan_change set effective_time = now() - interval '1 s'`, []);

describe('AccountService/ChangePlan', () => {
  it('moves an account at once and keeps what is used by the names of the limits', async () => {
    expect(await request(5)).toBe(4);
    const change = await accounts.changePlan({ name: account, plan: 'plans/large', effective: Effective.NOW }, admin);
    expect(change).toMatchObject({
      name: account,
      plan: 'plans/large',
      previousPlan: 'plans/small',
      counters: Counters.KEEP,
      applied: true,
    });
    expect(await planOf(account)).toBe('plans/large');
    // The day has 8, and 4 are used.
    expect(await request(9)).toBe(4);
  });

  it('resets the counters in the same call where the request says so, those of keys as well', async () => {
    const { name } = await accounts.createAccount({ account: Account.fromPartial({ plan: 'plans/own' }) }, admin);
    const own = await createKey({ account: name });
    expect(await request(4, own.secret)).toBe(3);
    expect(await request(5)).toBe(4);
    const reset = { plan: 'plans/small', counters: Counters.RESET };
    for (const each of [account, name]) {
      expect(await accounts.changePlan({ ...reset, name: each }, admin)).toMatchObject({ counters: Counters.RESET });
    }
    expect(await request(5)).toBe(4);
    await accounts.changePlan({ name, plan: 'plans/own' }, admin);
    expect(await request(4, own.secret)).toBe(3);
  });

  it('with validateOnly changes neither plan nor counters', async () => {
    expect(await request(4)).toBe(4);
    const dry = { name: account, plan: 'plans/large', counters: Counters.RESET, validateOnly: true };
    expect(await accounts.changePlan(dry, admin)).toMatchObject({ plan: 'plans/large', applied: true });
    expect(await planOf(account)).toBe('plans/small');
    expect(await request(1)).toBe(0);
  });

  it('with a requestId moves once', async () => {
    const once = { name: account, plan: 'plans/large', counters: Counters.RESET, requestId: account.slice(9) };
    const first = await accounts.changePlan(once, admin);
    expect(await request(2)).toBe(2);
    expect(await accounts.changePlan(once, admin)).toEqual(first);
    expect(await request(8)).toBe(6);
  });

  it('reports all faults, unknown resources, old etags and callers who are no administrators', async () => {
    const { etag } = await accounts.getAccount({ name: account }, admin);
    const faults = await expectFailure(accounts.changePlan({ name: 'x', plan: 'y', effective: 7 as Effective }, admin));
    expect(faults).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['name', 'plan', 'effective'] });
    const noPlan = await expectFailure(accounts.changePlan({ name: account, plan: 'plans/none' }, admin));
    expect(noPlan).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['plan'] });
    const noAccount = accounts.changePlan({ name: 'accounts/none', plan: 'plans/large' }, admin);
    expect((await expectFailure(noAccount)).code).toBe(status.NOT_FOUND);
    await accounts.changePlan({ name: account, plan: 'plans/large', etag }, admin);
    const old = accounts.changePlan({ name: account, plan: 'plans/small', etag }, admin);
    expect((await expectFailure(old)).reason).toBe('ETAG_MISMATCH');
    const anonymous = await expectFailure(accounts.changePlan({ name: account, plan: 'plans/large' }));
    expect(anonymous.reason).toBe('TOKEN_MISSING');
  });
});

describe('a change at the end of the period', () => {
  const schedule = (plan: string, counters: Counters = Counters.KEEP) =>
    accounts.changePlan({ name: account, plan, effective: Effective.PERIOD_END, counters }, admin);

  it('waits for the end of the longest calendar limit of the present plan, and a later one replaces it', async () => {
    const tomorrow = new Date();
    tomorrow.setUTCHours(24, 0, 0, 0);
    const first = await schedule('plans/large');
    expect(first).toMatchObject({ effectiveTime: tomorrow, applied: false, previousPlan: 'plans/small' });
    await schedule('plans/own', Counters.RESET);
    expect(await scheduled()).toEqual([
      expect.objectContaining({ name: account, plan: 'plans/own', counters: Counters.RESET, applied: false }),
    ]);
    expect(await planOf(account)).toBe('plans/small');
    await accounts.changePlan({ name: account, plan: 'plans/large' }, admin);
    expect(await scheduled()).toEqual([]);
  });

  it('is made once by one of the nodes when its time comes', async () => {
    expect(await request(4)).toBe(4);
    await schedule('plans/large', Counters.RESET);
    await makeDue();
    await expect.poll(() => planOf(account), { timeout: 10_000 }).toBe('plans/large');
    expect(await scheduled()).toEqual([]);
    const { auditEvents } = await audit.listAuditEvents({ filter: `resource = "${account}"` }, admin);
    const moves = auditEvents.filter(({ actorKind, changes }) => {
      return actorKind === ActorKind.SYSTEM && changes.some(({ field }) => field === 'plan');
    });
    expect(moves).toHaveLength(1);
  });

  it('can be cancelled, and ends with its account', async () => {
    await schedule('plans/large');
    await accounts.cancelPlanChange({ name: account }, admin);
    expect((await expectFailure(accounts.cancelPlanChange({ name: account }, admin))).code).toBe(status.NOT_FOUND);
    await schedule('plans/large');
    await accounts.deleteAccount({ name: account }, admin);
    expect(await scheduled()).toEqual([]);
  });

  it('keeps its plan from being deleted', async () => {
    await plans.createPlan(
      { planId: 'later', plan: Plan.fromPartial({ limits: [Limit.fromPartial({ ...DAY, requests: 1 })] }) },
      admin,
    );
    await schedule('plans/later');
    expect((await expectFailure(plans.deletePlan({ name: 'plans/later' }, admin))).reason).toBe('PLAN_IN_USE');
  });

  it('is listed in pages, by filters, and to the users of the account', async () => {
    await schedule('plans/large');
    const other = await accounts.createAccount({ account: Account.fromPartial({ plan: 'plans/open' }) }, admin);
    const end = { plan: 'plans/large', effective: Effective.PERIOD_END };
    await accounts.changePlan({ ...end, name: other.name }, admin);
    const listed = await accounts.listPlanChanges({ pageSize: 1, filter: 'plan = "plans/large"' }, admin);
    expect(listed.planChanges).toHaveLength(1);
    const rest = await accounts.listPlanChanges(
      { pageSize: 1000, pageToken: listed.nextPageToken, filter: 'plan = "plans/large"' },
      admin,
    );
    const names = [...listed.planChanges, ...rest.planChanges].map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining([account, other.name]));
    expect(names).toEqual([...names].sort());
    const credentials = { email: `${account.slice(9)}@example.com`, password: 'the password of a holder' };
    const own = Account.fromPartial({ email: credentials.email, plan: 'plans/open' });
    const { name } = await accounts.createAccount({ account: own, password: credentials.password }, admin);
    await accounts.changePlan({ ...end, name }, admin);
    const { accessToken } = await node.admin.call(AuthServiceService.login, LoginRequest.fromPartial(credentials));
    const holder = { authorization: `Bearer ${accessToken}` };
    const visible = (await accounts.listPlanChanges({}, holder)).planChanges;
    expect(visible.map((change) => change.name)).toEqual([name]);
    const refused = [
      accounts.changePlan({ name, plan: 'plans/own' }, holder),
      accounts.previewPlanChange({ name, plan: 'plans/own' }, holder),
      accounts.cancelPlanChange({ name }, holder),
    ];
    const failures = await Promise.all(refused.map(expectFailure));
    expect(failures.map(({ code }) => code)).toEqual(refused.map(() => status.PERMISSION_DENIED));
  });
});

describe('ApiKeyService/ChangePlan', () => {
  it('moves one key, and a scheduled change moves on to the successor of a rotated key', async () => {
    expect(await keys.changePlan({ name: key.name, plan: 'plans/own' }, admin)).toMatchObject({
      previousPlan: 'plans/small',
      applied: true,
    });
    expect(await planOf(account)).toBe('plans/small');
    expect(await request(5)).toBe(3);
    const monthEnd = new Date();
    monthEnd.setUTCHours(0, 0, 0, 0);
    monthEnd.setUTCMonth(monthEnd.getUTCMonth() + 1, 1);
    const change = await keys.changePlan(
      { name: key.name, plan: 'plans/open', effective: Effective.PERIOD_END },
      admin,
    );
    // Its plan has no calendar limit.
    expect(change.effectiveTime).toEqual(monthEnd);
    const rotated = await keys.rotateApiKey({ name: key.name }, admin);
    const successor = rotated.apiKey?.name ?? '';
    const { planChanges } = await keys.listPlanChanges({ filter: `account = "${account}"` }, admin);
    expect(planChanges).toEqual([expect.objectContaining({ name: successor, plan: 'plans/open' })]);
    await keys.deleteApiKey({ name: successor }, admin);
    expect((await keys.listPlanChanges({ filter: `account = "${account}"` }, admin)).planChanges).toEqual([]);
  });
});

describe('PreviewPlanChange', () => {
  const preview = (fields: object) =>
    accounts.previewPlanChange({ name: account, plan: 'plans/large', ...fields }, admin);

  it('says for each limit what is used, what would be left, and whether it continues', async () => {
    expect(await request(3)).toBe(3);
    const { limits, presentPlan } = await preview({});
    expect(presentPlan).toBe('plans/small');
    expect(limits).toEqual([
      expect.objectContaining({ used: 3, remaining: 5, continuation: Continuation.CONTINUES }),
      expect.objectContaining({ used: 0, remaining: 100, continuation: Continuation.STARTS_AT_ZERO }),
      // It has another window, and the limit of the present plan holds alongside it with the larger amount.
      expect.objectContaining({ used: 3, remaining: 47, continuation: Continuation.CONTINUES }),
    ]);
    expect(limits.map(({ limit }) => limit?.name)).toEqual(['day', 'month', 'hour']);
    await accounts.changePlan({ name: account, plan: 'plans/large' }, admin);
    expect(await request(9)).toBe(5);
  });

  it('starts all limits at zero after a reset, and those whose period has ended', async () => {
    expect(await request(3)).toBe(3);
    for (const fields of [{ counters: Counters.RESET }, { effective: Effective.PERIOD_END }]) {
      const [day] = (await preview(fields)).limits;
      expect(day).toMatchObject({ used: 3, remaining: 8, continuation: Continuation.STARTS_AT_ZERO });
    }
  });

  it('reads the counters of a key', async () => {
    expect(await request(2)).toBe(2);
    const { limits } = await keys.previewPlanChange({ name: key.name, plan: 'plans/large' }, admin);
    expect(limits[0]).toMatchObject({ used: 2, remaining: 6, continuation: Continuation.CONTINUES });
    const unlimited = await keys.previewPlanChange({ name: key.name, plan: 'plans/open' }, admin);
    expect(unlimited.limits).toEqual([]);
  });
});

describe('PlanService/PreviewPlan', () => {
  it('says how many accounts and keys an update touches, and who would have nothing left', async () => {
    const limits = (requests: number) => [Limit.fromPartial({ ...DAY, requests })];
    const { name: plan } = await plans.createPlan(
      { planId: 'edited', plan: Plan.fromPartial({ limits: limits(10) }) },
      admin,
    );
    const busy = (await accounts.createAccount({ account: Account.fromPartial({ plan }) }, admin)).name;
    const idle = (await accounts.createAccount({ account: Account.fromPartial({ plan }) }, admin)).name;
    const used = await createKey({ account: busy });
    await createKey({ account: idle });
    const direct = await createKey({ account, plan });
    expect(await request(6, used.secret)).toBe(6);
    expect(await request(5, direct.secret)).toBe(5);
    const preview = (requests: number) =>
      plans.previewPlan({ plan: Plan.fromPartial({ name: plan, limits: limits(requests) }) }, admin);
    const tightened = await preview(6);
    expect(tightened).toMatchObject({ accountCount: 2, apiKeyCount: 3, checkedCount: 5, exhaustedCount: 2 });
    expect(tightened.exhausted).toEqual([
      { name: used.name, limits: ['day'] },
      { name: busy, limits: ['day'] },
    ]);
    expect(await preview(5)).toMatchObject({ exhaustedCount: 3 });
    expect(await preview(20)).toMatchObject({ accountCount: 2, apiKeyCount: 3, checkedCount: 0, exhaustedCount: 0 });
    expect((await plans.getPlan({ name: plan }, admin)).limits[0]?.requests).toBe(10);
    expect((await expectFailure(plans.previewPlan({ plan: Plan.fromPartial({ name: plan }) }, admin))).fields).toEqual([
      'update_mask',
    ]);
  });

  it('counts limits from before an edit: undoing it can leave nothing', async () => {
    const limits = (requests: number, window: string) => [
      Limit.fromPartial({ name: 'hour', requests, window, per: 'account' }),
    ];
    const created = Plan.fromPartial({ limits: limits(5, '1h') });
    const { name } = await plans.createPlan({ planId: 'widened', plan: created }, admin);
    await plans.updatePlan({ plan: Plan.fromPartial({ name, limits: limits(20, '2h') }) }, admin);
    const holder = (await accounts.createAccount({ account: Account.fromPartial({ plan: name }) }, admin)).name;
    const used = await createKey({ account: holder });
    expect(await request(8, used.secret)).toBe(8);
    const preview = (requests: number, window: string) =>
      plans.previewPlan({ plan: Plan.fromPartial({ name, limits: limits(requests, window) }) }, admin);
    const exhausted = [
      { name: used.name, limits: ['hour'] },
      { name: holder, limits: ['hour'] },
    ];
    expect((await preview(5, '1h')).exhausted).toEqual(exhausted);
    expect((await preview(9, '1h')).exhausted).toEqual([]);
    // With another window, the limits of one hour and of two hold alongside, with the larger amounts.
    expect((await preview(5, '3h')).exhausted).toEqual(exhausted);
    expect((await preview(9, '3h')).exhausted).toEqual([]);
  });

  it('counts the limits of plans that a holder had before', async () => {
    const limits = (requests: number) => [Limit.fromPartial({ name: 'hour', requests, window: '3h', per: 'account' })];
    const { name } = await plans.createPlan(
      { planId: 'joined', plan: Plan.fromPartial({ limits: limits(10) }) },
      admin,
    );
    expect(await request(4)).toBe(4);
    await accounts.changePlan({ name: account, plan: name }, admin);
    expect((await accounts.previewPlanChange({ name: account, plan: name }, admin)).limits).toEqual([
      expect.objectContaining({ used: 0, remaining: 6, continuation: Continuation.CONTINUES }),
    ]);
    // Its former limit of an hour has 10 as well as long as the limit of three hours has.
    expect(await request(7)).toBe(6);
  });
});
