import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditEventEntity } from '../../../src/database/audit/audit-event-entity.ts';
import { createCall, nameActor, runCall } from '../../../src/database/audit/current-call.ts';
import { AccountEntity } from '../../../src/database/entities/account-entity.ts';
import { PlanEntity } from '../../../src/database/entities/plan-entity.ts';
import { SessionEntity } from '../../../src/database/entities/sign-in-entities.ts';
import { openConnection } from '../../../src/database/open-connection.ts';
import { createQuery, type Database, openDatabase } from '../../../src/database/open-database.ts';
import { recordRevocation } from '../../../src/database/statements/record-revocation.ts';
import type { Query } from '../../../src/interfaces/query.ts';
import { newDatabase } from '../../support/databases.ts';
import { UNRECORDED } from './audited-columns.ts';

let database: Database;
/** Another program: it does not say on whose behalf it writes. */
let other: ReturnType<typeof openConnection>;

beforeAll(async () => {
  const url = await newDatabase();
  database = await openDatabase({ url });
  other = openConnection({ url, timeoutMs: 10_000 });
  await database.em.fork().insert(PlanEntity, newPlan('free'));
});

afterAll(async () => {
  await database.close(true);
  await other.close();
});

const now = () => new Date();
const newPlan = (id: string) => ({
  ...{ id, displayName: id, limits: [], features: [], version: 1 },
  ...{ createTime: now(), updateTime: now() },
});

type Event = Pick<AuditEventEntity, 'actor' | 'actorKind' | 'method' | 'resource' | 'result' | 'changes'> &
  Pick<AuditEventEntity, 'peer' | 'requestId' | 'session' | 'accountId'>;

const query: Query = (sql, parameters) => createQuery(database)(sql, parameters);

/** Runs an action and returns the events that it has written, the first one first. */
async function eventsOf(action: () => Promise<unknown>): Promise<readonly Event[]> {
  const [last] = (await query('select id from audit_event order by id desc limit 1', [])) as { id: string }[];
  await action();
  return (await query(
    `select actor, actor_kind as "actorKind", method, resource, result, changes, peer, request_id as "requestId", session,
       account_id as "accountId" from audit_event where id > coalesce(?, '00000000-0000-0000-0000-000000000000')::uuid order by id`,
    [last?.id ?? null],
  )) as Event[];
}

/** Runs a handler that makes changes on behalf of an administrator. */
async function asAdministrator(handle: () => Promise<unknown>): Promise<unknown> {
  const call = createCall({ requestId: 'request-1', method: 'weir.admin.v1.Test/Change', peer: '192.0.2.7' });
  return runCall(call, async () => {
    nameActor({ kind: 'ACCOUNT', name: "accounts/o'neil", session: "accounts/o'neil/sessions/s1" });
    return handle();
  });
}

const IN_CALL = {
  actor: "accounts/o'neil",
  actorKind: 'ACCOUNT',
  session: "accounts/o'neil/sessions/s1",
  peer: '192.0.2.7',
  requestId: 'request-1',
  method: 'weir.admin.v1.Test/Change',
  result: 'OK',
};

async function newAccount(values: Partial<AccountEntity> = {}): Promise<string> {
  const id = randomUUID();
  await database.em.fork().insert(AccountEntity, {
    ...{ id, email: `${id}@example.com`, passwordHash: 'argon2-of-the-password', role: 'user', planId: 'free' },
    ...{ version: 1, createTime: now(), updateTime: now(), ...values },
  });
  return id;
}

describe('the event of a change', () => {
  it('names the caller of the entity manager, in a transaction and out of one', async () => {
    const em = database.em.fork();
    const created = await eventsOf(() =>
      asAdministrator(async () => {
        em.create(PlanEntity, newPlan('team'));
        await em.flush();
      }),
    );
    expect(created).toEqual([
      { ...IN_CALL, resource: 'plans/team', accountId: null, changes: [{ field: 'display_name', newValue: 'team' }] },
    ]);
    const changed = await eventsOf(() =>
      asAdministrator(() => database.em.fork().nativeUpdate(PlanEntity, { id: 'team' }, { features: ['export'] })),
    );
    expect(changed).toEqual([
      {
        ...IN_CALL,
        resource: 'plans/team',
        accountId: null,
        changes: [{ field: 'features', oldValue: [], newValue: ['export'] }],
      },
    ]);
    const deleted = await eventsOf(() => asAdministrator(() => query(`delete from plan where id = 'team'`, [])));
    expect(deleted).toMatchObject([
      { ...IN_CALL, changes: [{ field: 'display_name', oldValue: 'team' }, { field: 'features' }] },
    ]);
  });

  it('names nobody else who uses the same connection afterwards', async () => {
    await asAdministrator(() => query(`update plan set display_name = 'a' where id = 'free'`, []));
    const [own] = await eventsOf(() => query(`update plan set display_name = 'b' where id = 'free'`, []));
    expect(own).toMatchObject({ actor: '', actorKind: 'SYSTEM', method: 'UPDATE', peer: '', requestId: '' });
    const [others] = await eventsOf(() => other.query(`update plan set display_name = 'c' where id = 'free'`, []));
    expect(others).toMatchObject({ actorKind: 'DATABASE', method: 'UPDATE', session: '' });
    expect(others?.actor).toBe(((await other.query('select session_user as name', [])) as { name: string }[])[0]?.name);
  });

  it('is one for each row of a statement', async () => {
    const ids = [await newAccount({ displayName: 'bulk' }), await newAccount({ displayName: 'bulk' })];
    const events = await eventsOf(() =>
      other.query(`update account set disabled = true, disable_reason = 'fraud' where display_name = 'bulk'`, []),
    );
    expect(events.map(({ resource }) => resource).sort()).toEqual(ids.map((id) => `accounts/${id}`).sort());
    expect(events[0]?.changes).toEqual([
      { field: 'disabled', oldValue: false, newValue: true },
      { field: 'disable_reason', oldValue: '', newValue: 'fraud' },
    ]);
  });

  it('is one for all rows of a truncated table', async () => {
    expect(await eventsOf(() => other.query('truncate issuer cascade', []))).toMatchObject([
      { method: 'TRUNCATE', resource: 'tables/issuer', changes: [] },
    ]);
  });

  it('is written with the change or not at all', async () => {
    const fail = () =>
      database.em.fork().transactional(async (em) => {
        await em.execute(`update plan set display_name = 'lost' where id = 'free'`);
        throw new Error('rolled back');
      });
    expect(await eventsOf(() => expect(fail()).rejects.toThrow('rolled back'))).toEqual([]);
  });

  it('does not exist when nothing has changed, or only a column that is left out', async () => {
    const id = await newAccount();
    const unchanged = `update account set disabled = false, last_sign_in_time = now(), version = version + 1 where id = ?`;
    expect(await eventsOf(() => query(unchanged, [id]))).toEqual([]);
  });

  it('says that a secret has changed, without a value', async () => {
    const id = await newAccount();
    const [event] = await eventsOf(() =>
      query(`update account set password_hash = 'argon2-of-another' where id = ?`, [id]),
    );
    expect(event).toMatchObject({ resource: `accounts/${id}`, accountId: id, changes: [{ field: 'password' }] });
  });

  it('shows times and names as the admin API does', async () => {
    const id = await newAccount();
    const [event] = await eventsOf(() =>
      query(`update account set block_expire_time = '2030-01-31T12:00:00.5+02:00' where id = ?`, [id]),
    );
    expect(event?.changes).toEqual([
      { field: 'block_expire_time', oldValue: null, newValue: '2030-01-31T10:00:00.500Z' },
    ]);
    const [created] = await eventsOf(() => newAccount());
    expect(created?.changes).toContainEqual({ field: 'plan', newValue: 'plans/free' });
  });
});

describe('the events of a session', () => {
  async function newSession(accountId: string): Promise<string> {
    const id = randomUUID();
    await database.em.fork().insert(SessionEntity, {
      ...{ id, accountId, familyDigest: Buffer.from(id), tokenDigest: Buffer.from('t'), usedRefreshTokens: [] },
      ...{ expireTime: new Date(Date.now() + 60_000), endTime: null, createTime: now(), updateTime: now() },
    });
    return id;
  }

  it('are its start and its end, which its revocation repeats, but no refresh', async () => {
    const accountId = await newAccount();
    let id = '';
    const events = await eventsOf(async () => {
      id = await newSession(accountId);
      await query(`update session set token_digest = 'u', expire_time = now() + interval '1 day' where id = ?`, [id]);
      await database.em.fork().transactional(async (em) => {
        await em.nativeUpdate(SessionEntity, { id }, { endTime: new Date() });
        const revocation = { issuerId: undefined, kind: 'session', value: id, issuedBefore: undefined } as const;
        await recordRevocation(em, { revocation, expireTime: new Date(Date.now() + 60_000) });
      });
      await query('delete from session where id = ?', [id]);
    });
    const resource = `accounts/${accountId}/sessions/${id}`;
    expect(events).toMatchObject([
      { method: 'INSERT', resource, accountId },
      { method: 'UPDATE', resource, accountId, changes: [{ field: 'end_time' }] },
    ]);
    expect(events).toHaveLength(2);
  });

  it('include the revocation and the deletion of one that has not ended', async () => {
    const accountId = await newAccount();
    const id = await newSession(accountId);
    const revocation = { issuerId: undefined, kind: 'session', value: id, issuedBefore: undefined } as const;
    const events = await eventsOf(async () => {
      await recordRevocation(database.em.fork(), { revocation, expireTime: new Date(Date.now() + 60_000) });
      await query('delete from session where id = ?', [id]);
    });
    expect(events).toMatchObject([
      { method: 'INSERT', resource: `sessions/${id}`, changes: [{ field: 'revoked_until' }] },
      { method: 'DELETE', resource: `accounts/${accountId}/sessions/${id}` },
    ]);
  });
});

describe('no event', () => {
  it('contains the value of a secret column', async () => {
    const marker = 'SECRETVALUE';
    const id = await newAccount({ passwordHash: marker });
    const bytes = Buffer.from(marker);
    const statements: Record<string, string> = {
      account: `update account set password_hash = '${marker}2' where id = '${id}'`,
      api_key: `insert into api_key (id, digest, hint, counter_id, display_name, account_id, disabled, create_time, update_time)
        values ('k', '${bytes}', '${marker}', 'k', '', '${id}', false, now(), now());
        update api_key set digest = '${bytes}2' where id = 'k'; delete from api_key where id = 'k'`,
      signing_key: `insert into signing_key (id, private_jwk, sealed_jwk, create_time)
        values ('s', '{"d": "${marker}"}', '${marker}', now());
        update signing_key set private_jwk = '{"d": "${marker}2"}', sealed_jwk = '${marker}2'; delete from signing_key`,
      session: `insert into session (id, account_id, family_digest, token_digest, used_refresh_tokens, expire_time, create_time,
        update_time) values ('s', '${id}', '${bytes}', '${bytes}', '["${marker}"]', now() + interval '1 h', now(), now());
        update session set token_digest = '${bytes}2', end_time = now(); delete from session`,
    };
    statements.one_time_token = `insert into one_time_token (token_digest, kind, account_id, expire_time, create_time)
      values ('${bytes}', 'password_reset', '${id}', now(), now());
      update one_time_token set token_digest = '${bytes}2', use_time = now(); delete from one_time_token`;
    statements.webhook = `insert into webhook (id, url, event_types, sealed_secret, create_time, update_time)
      values ('w', 'https://example.com', '["*"]', '${marker}', now(), now());
      update webhook set former_sealed_secret = sealed_secret, sealed_secret = '${marker}2'; delete from webhook`;
    const tables = Object.entries(UNRECORDED).filter(([, { secret = [] }]) => secret.length > 0);
    expect(tables.map(([table]) => table).sort(), 'each table with secrets needs statements here').toEqual(
      Object.keys(statements).sort(),
    );
    for (const sql of Object.values(statements))
      for (const statement of sql.split('; ')) await other.query(statement, []);
    const hex = bytes.toString('hex');
    const found = await query(`select * from audit_event event where event::text ~ '${marker}|${hex}'`, []);
    expect(found).toEqual([]);
    const resources = ['apiKeys/k', 'signingKeys/s', `accounts/${id}/sessions/s`];
    const [recorded] = await query(
      'select count(distinct resource)::int as count from audit_event where resource in (?, ?, ?)',
      resources,
    );
    expect(recorded).toEqual({ count: 3 });
  });

  it.each([
    ['changed', `update audit_event set actor = 'somebody else'`],
    ['deleted', 'delete from audit_event'],
    ['truncated', 'truncate audit_event'],
  ])('can be %s', async (_, sql) => {
    await newAccount();
    await expect(other.query(sql, [])).rejects.toThrow('audit events cannot be changed or deleted');
  });

  it('of a partition can be changed, deleted or truncated', async () => {
    await newAccount();
    const [row] = (await query('select tableoid::regclass::text as name from audit_event limit 1', [])) as {
      name: string;
    }[];
    for (const sql of [`update ${row?.name} set actor = ''`, `delete from ${row?.name}`, `truncate ${row?.name}`]) {
      await expect(other.query(sql, [])).rejects.toThrow('audit events cannot be changed or deleted');
    }
  });
});
