import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccountEntity } from '../../src/database/entities/account-entity.ts';
import { createQuery } from '../../src/database/open-database.ts';
import { AccountServiceService } from '../../src/generated/weir/admin/v1/account_service.ts';
import { ApiKey, ApiKeyServiceService } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import {
  AuditEvent_ActorKind as ActorKind,
  type AuditEvent,
  AuditServiceService,
} from '../../src/generated/weir/admin/v1/audit_service.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { CounterServiceService } from '../../src/generated/weir/admin/v1/counter_service.ts';
import { Limit } from '../../src/generated/weir/admin/v1/limit.ts';
import { Plan, PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import { TokenInfoServiceService } from '../../src/generated/weir/admin/v1/token_info_service.ts';
import { TokenServiceService } from '../../src/generated/weir/admin/v1/token_service.ts';
import { hashPassword } from '../../src/identity/secrets/password.ts';
import { newDatabase } from '../support/databases.ts';
import { waitUntil } from '../support/wait-until.ts';
import { ADMIN, createClient, expectFailure, startAdminNode } from './admin-node.ts';

const USER = { id: randomUUID(), email: 'user@example.com', password: 'another horse' };

let node: Awaited<ReturnType<typeof startAdminNode>>;
let clients: ReturnType<typeof createClients>;
let admin: Record<string, string>;
let user: Record<string, string>;
let administrator: string;

function createClients(address: string) {
  return {
    accounts: createClient(AccountServiceService, address),
    audit: createClient(AuditServiceService, address),
    auth: createClient(AuthServiceService, address),
    counters: createClient(CounterServiceService, address),
    keys: createClient(ApiKeyServiceService, address),
    plans: createClient(PlanServiceService, address),
    tokenInfo: createClient(TokenInfoServiceService, address),
    tokens: createClient(TokenServiceService, address),
  };
}

const query = (sql: string, parameters: readonly unknown[] = []) => createQuery(node.database)(sql, parameters);

async function signIn(credentials: { email: string; password: string }) {
  const { accessToken } = await clients.auth.login(credentials);
  return { authorization: `Bearer ${accessToken}`, 'x-request-id': 'request-of-the-test' };
}

/** Lists the events that match a filter, the newest first. */
const list = async (filter: string, as = admin) => (await clients.audit.listAuditEvents({ filter }, as)).auditEvents;

/** Waits for the event of a refused call, which is written later. */
async function waitForEvent(filter: string): Promise<AuditEvent> {
  let events: readonly AuditEvent[] = [];
  await waitUntil(async () => {
    events = await list(filter);
    return events.length > 0;
  });
  return events[0] ?? expect.fail('there is no event');
}

beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
  clients = createClients(node.address);
  const em = node.database.em.fork();
  const { id, email, password } = USER;
  em.create(AccountEntity, { id, email, passwordHash: await hashPassword(password), role: 'user', planId: 'free' });
  await em.flush();
  admin = await signIn(ADMIN);
  user = await signIn(USER);
  const { id: adminId } = await em.findOneOrFail(AccountEntity, { email: ADMIN.email });
  administrator = `accounts/${adminId}`;
});
afterAll(async () => {
  for (const client of Object.values(clients)) client.close();
  await node.stop();
});

describe('the event of a change by a call', () => {
  it('names who changed what, when, from where, and how', async () => {
    const { apiKey, secret } = await clients.keys.createApiKey({ apiKey: ApiKey.create({ displayName: 'ci' }) }, admin);
    const { name = '' } = apiKey ?? {};
    await clients.keys.updateApiKey({ apiKey: ApiKey.create({ name, plan: 'plans/pro' }), updateMask: 'plan' }, admin);
    const [updated, created, ...others] = await list(`resource = "${name}"`);
    expect(others).toEqual([]);
    const by = {
      actor: administrator,
      actorKind: ActorKind.ACCOUNT,
      session: expect.stringMatching(new RegExp(`^${administrator}/sessions/[0-9a-f-]{36}$`)),
      peer: '127.0.0.1',
      requestId: 'request-of-the-test',
      resource: name,
      result: 'OK',
    };
    expect(updated).toEqual({
      ...by,
      name: expect.stringMatching(/^auditEvents\/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      createTime: expect.any(Date),
      method: 'weir.admin.v1.ApiKeyService/UpdateApiKey',
      changes: [{ field: 'plan', oldValue: undefined, newValue: 'plans/pro' }],
    });
    expect(created).toMatchObject({
      ...by,
      method: 'weir.admin.v1.ApiKeyService/CreateApiKey',
      changes: [
        { field: 'account', newValue: administrator },
        { field: 'display_name', newValue: 'ci' },
      ],
    });
    expect(Math.abs((created?.createTime?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
    const rows = await query('select * from audit_event event where strpos(event::text, ?) > 0', [secret.slice(8)]);
    expect(rows).toEqual([]);
  });

  it('is one for each resource', async () => {
    const before = await list('method = "weir.admin.v1.ApiKeyService/BatchCreateApiKeys"');
    const requests = Array.from({ length: 3 }, () => ({ apiKey: ApiKey.create({}) }));
    const { apiKeys } = await clients.keys.batchCreateApiKeys({ requests }, admin);
    const after = await list('method = "weir.admin.v1.ApiKeyService/BatchCreateApiKeys"');
    const names = apiKeys.map(({ apiKey }) => apiKey?.name);
    expect(
      after
        .slice(0, after.length - before.length)
        .map(({ resource }) => resource)
        .sort(),
    ).toEqual(names.sort());
  });

  it('is written for a sign-in and for its end, with the account as the actor', async () => {
    const { accessToken, refreshToken } = await clients.auth.login(USER);
    const { refreshToken: next } = await clients.auth.refreshToken({ refreshToken });
    await clients.auth.logout({ refreshToken: next }, { authorization: `Bearer ${accessToken}` });
    const [started] = await list(`method = "weir.admin.v1.AuthService/Login" AND actor = "accounts/${USER.id}"`);
    expect(started).toMatchObject({ actorKind: ActorKind.ACCOUNT, result: 'OK', changes: [] });
    const events = await list(`resource = "${started?.resource}"`);
    expect(events.map(({ method }) => method.split('/')[1])).toEqual(['Logout', 'Login']);
  });

  it('has the key as its actor when its holder disables it', async () => {
    const { apiKey, secret } = await clients.keys.createApiKey({ apiKey: ApiKey.create({}) }, user);
    await clients.tokenInfo.disableToken({ secret });
    const [event] = await list(`resource = "${apiKey?.name}"`, user);
    expect(event).toMatchObject({
      actor: apiKey?.name,
      actorKind: ActorKind.API_KEY,
      method: 'weir.admin.v1.TokenInfoService/DisableToken',
      peer: '127.0.0.1',
      changes: [{ field: 'disabled', oldValue: false, newValue: true }],
    });
  });

  it('is written for a token with a role and for one without, which has no row', async () => {
    const request = { account: 'somebody', plan: 'plans/pro', ttl: '1h' };
    for (const role of ['admin', '']) {
      const { tokenId } = await clients.tokens.issueToken({ ...request, role }, admin);
      const [event] = await list(`resource = "tokens/${tokenId}"`);
      expect(event).toMatchObject({ actor: administrator, method: 'weir.admin.v1.TokenService/IssueToken' });
      expect(event?.changes).toContainEqual({ field: 'account', oldValue: undefined, newValue: 'somebody' });
    }
  });

  it('has the stateless token that the caller has presented as its actor', async () => {
    const issued = await clients.tokens.issueToken({ account: 'robot', role: 'admin', ttl: '1h' }, admin);
    await clients.plans.updatePlan(
      { plan: Plan.create({ name: 'plans/pro', displayName: 'Pro by a robot' }), updateMask: 'displayName' },
      { authorization: `Bearer ${issued.token}` },
    );
    const [event] = await list('resource = "plans/pro"');
    expect(event).toMatchObject({ actor: `tokens/${issued.tokenId}`, actorKind: ActorKind.TOKEN, session: '' });
  });

  it('is written for counters, which are not in Postgres', async () => {
    const subject = { subject: { $case: 'account' as const, value: `accounts/${USER.id}` } };
    await clients.counters.blockCounter({ subject, limit: 'minute', duration: '60s' }, admin);
    const [event] = await list(`resource = "accounts/${USER.id}" AND actor = "${administrator}"`);
    expect(event).toMatchObject({
      method: 'weir.admin.v1.CounterService/BlockCounter',
      changes: [
        { field: 'limit', newValue: 'minute' },
        { field: 'duration', newValue: '60s' },
      ],
    });
  });
});

describe('the event of a refused call', () => {
  it('has the reason of the error', async () => {
    const { apiKey } = await clients.keys.createApiKey({ apiKey: ApiKey.create({}) }, admin);
    await expectFailure(clients.keys.deleteApiKey({ name: apiKey?.name ?? '' }, user));
    const event = await waitForEvent(`resource = "${apiKey?.name}" AND result != OK`);
    expect(event).toMatchObject({
      actor: `accounts/${USER.id}`,
      method: 'weir.admin.v1.ApiKeyService/DeleteApiKey',
      result: 'RESOURCE_NOT_FOUND',
      changes: [],
    });
  });

  it('of a failed sign-in names the account, and never the e-mail address that was typed', async () => {
    await expectFailure(clients.auth.login({ email: USER.email, password: 'a wrong password' }));
    const known = await waitForEvent(`resource = "accounts/${USER.id}" AND result = CREDENTIALS_INVALID`);
    expect(known).toMatchObject({ actor: '', actorKind: ActorKind.ANONYMOUS, peer: '127.0.0.1' });
    await expectFailure(clients.auth.login({ email: 'nobody@example.com', password: 'typedbymistake' }));
    await waitUntil(async () => (await list('resource = "" AND result = CREDENTIALS_INVALID')).length > 0);
    const typed = `select * from audit_event event where event::text ~ 'nobody@example|typedbymistake|wrong password'`;
    expect(await query(typed)).toEqual([]);
  });

  it('does not repeat a secret that was sent as a name', async () => {
    await expectFailure(clients.keys.deleteApiKey({ name: 'apiKeys/wk_live_secret' }, admin));
    const method = 'method = "weir.admin.v1.ApiKeyService/DeleteApiKey"';
    const event = await waitForEvent(`${method} AND result = INVALID_FIELDS`);
    expect(event).toMatchObject({ resource: '' });
  });

  it('exists for a refused request that was only validated', async () => {
    await expectFailure(clients.keys.importApiKeys({ apiKeys: [], validateOnly: true }, admin));
    const event = await waitForEvent('method = "weir.admin.v1.ApiKeyService/ImportApiKeys"');
    expect(event).toMatchObject({ result: 'INVALID_FIELDS' });
  });

  it('does not exist for reading calls', async () => {
    await expectFailure(clients.plans.getPlan({ name: 'plans/none' }, admin));
    // Events are written in the order of the calls.
    await expectFailure(clients.plans.deletePlan({ name: 'plans/none' }, admin));
    const event = await waitForEvent('resource = "plans/none"');
    expect(event.method).toBe('weir.admin.v1.PlanService/DeletePlan');
  });
});

describe('the audit trail of a user', () => {
  it('has the events of the account, without those who manage it', async () => {
    const { apiKey } = await clients.keys.createApiKey(
      { apiKey: ApiKey.create({ account: `accounts/${USER.id}` }) },
      admin,
    );
    const filter = `resource = "${apiKey?.name}"`;
    const [seen = expect.fail()] = await list(filter, user);
    expect(seen).toMatchObject({ actor: '', actorKind: ActorKind.ACCOUNT, session: '', peer: '', requestId: '' });
    expect(seen.changes).toContainEqual({ field: 'account', oldValue: undefined, newValue: `accounts/${USER.id}` });
    expect(await list(`${filter} AND actor = "${administrator}"`, user)).toEqual([]);
    expect(await list(`${filter} AND actor = "${administrator}"`)).toHaveLength(1);
    expect(await clients.audit.getAuditEvent({ name: seen.name }, user)).toEqual(seen);
    const all = await list('', user);
    expect(all.map(({ actor }) => actor)).toContain(`accounts/${USER.id}`);
    expect(all.filter(({ actor }) => actor === administrator)).toEqual([]);
  });

  it('has no events of other accounts', async () => {
    const { apiKey } = await clients.keys.createApiKey({ apiKey: ApiKey.create({}) }, admin);
    const [event = expect.fail()] = await list(`resource = "${apiKey?.name}"`);
    expect(await list(`resource = "${apiKey?.name}"`, user)).toEqual([]);
    const failure = await expectFailure(clients.audit.getAuditEvent({ name: event.name }, user));
    expect(failure).toMatchObject({ code: status.NOT_FOUND, reason: 'RESOURCE_NOT_FOUND' });
    expect(await clients.audit.getAuditEvent({ name: event.name }, admin)).toEqual(event);
  });
});

describe('a list of events', () => {
  it('is sorted from the newest to the oldest, in pages', async () => {
    const all = await list('');
    expect(all.length).toBeGreaterThan(5);
    expect(all.map(({ name }) => name)).toEqual(
      all
        .map(({ name }) => name)
        .sort()
        .reverse(),
    );
    const paged: AuditEvent[] = [];
    for (let pageToken = ''; ; ) {
      const page = await clients.audit.listAuditEvents({ pageSize: 3, pageToken }, admin);
      paged.push(...page.auditEvents);
      pageToken = page.nextPageToken;
      if (pageToken === '') break;
    }
    expect(paged.slice(-all.length)).toEqual(all.slice(-paged.length));
  });

  it('is filtered by time, to the millisecond', async () => {
    const [, middle = expect.fail()] = await list('');
    const time = middle.createTime?.toISOString() ?? '';
    const count = async (filter: string) => (await list(filter)).filter(({ name }) => name === middle.name).length;
    expect(await count(`create_time >= "${time}" AND createTime <= "${time}"`)).toBe(1);
    expect(await count(`create_time > "${time}"`)).toBe(0);
    expect(await count(`create_time < "${time}"`)).toBe(0);
  });

  it.each([
    ['an unknown field', { filter: 'peer = "127.0.0.1"' }, 'filter'],
    ['an unknown operator', { filter: 'actor : "accounts"' }, 'filter'],
    ['an invalid time', { filter: 'create_time > yesterday' }, 'filter'],
    ['a page token of another list', { pageToken: 'bm9uZQ' }, 'page_token'],
    ['a negative page size', { pageSize: -1 }, 'page_size'],
  ])('is rejected with %s', async (_, request, field) => {
    const failure = await expectFailure(clients.audit.listAuditEvents(request, admin));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: [field] });
  });
});

describe('the log line of a call', () => {
  const findLine = (message: string, method: string) =>
    node.lines.findLast(
      ({ message: text, fields }) => text === message && 'method' in fields && fields.method === method,
    );

  it('names actor, client, resource, result and duration', async () => {
    const { name } = await clients.plans.createPlan(
      { planId: 'logged', plan: Plan.create({ limits: [Limit.create({ name: 'a', requests: 1, window: '60s' })] }) },
      admin,
    );
    const by = {
      service: 'PlanService',
      actor: administrator,
      peer: '127.0.0.1',
      resource: name,
      durationMs: expect.any(Number),
    };
    expect(findLine('admin call completed', 'createPlan')?.fields).toMatchObject({ ...by, result: 'OK' });
    await expectFailure(clients.plans.createPlan({ planId: 'logged', plan: Plan.create() }, admin));
    const rejected = findLine('admin call rejected', 'createPlan')?.fields;
    expect(rejected).toMatchObject({ ...by, result: 'INVALID_FIELDS', fields: ['plan.limits'] });
  });

  it('names the key and its state when its holder asks', async () => {
    const { apiKey, secret } = await clients.keys.createApiKey({ apiKey: ApiKey.create({ disabled: true }) }, admin);
    await clients.tokenInfo.getTokenInfo({ secret });
    const described = { resource: apiKey?.name, outcome: 'disabled', result: 'OK', peer: '127.0.0.1' };
    expect(findLine('admin call completed', 'getTokenInfo')?.fields).toMatchObject(described);
    await clients.tokenInfo.getTokenInfo({ secret: `${secret.slice(0, -1)}${secret.endsWith('x') ? 'y' : 'x'}` });
    const unknown = { resource: '', outcome: 'unknown' };
    expect(findLine('admin call completed', 'getTokenInfo')?.fields).toMatchObject(unknown);
    expect(JSON.stringify(node.lines)).not.toContain(secret.slice(8, -1));
  });
});
