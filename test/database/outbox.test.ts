import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createQuery, type Database, openDatabase } from '../../src/database/open-database.ts';
import { isEventWanted, type NewEvent, publishEvent } from '../../src/database/outbox/publish-event.ts';
import { publishExpiringKeys } from '../../src/database/outbox/publish-expiring-keys.ts';
import { newDatabase } from '../support/databases.ts';

let database: Database;

beforeAll(async () => {
  database = await openDatabase({ url: await newDatabase() });
  await query(
    `insert into plan (id, display_name, limits, features, create_time, update_time)
     values ('free', '', '[]', '[]', now(), now()), ('pro', '', '[]', '[]', now(), now())`,
  );
});
afterAll(() => database.close(true));
beforeEach(async () => {
  for (const table of ['webhook', 'outbox_event', 'api_key', 'account']) await query(`delete from ${table}`);
});

const query = (sql: string, parameters: readonly unknown[] = []) => createQuery(database)(sql, parameters);
const publish = (event: NewEvent) => database.em.fork().transactional((em) => publishEvent(em, event));

const addWebhook = (id: string, eventTypes: readonly string[], disabled = false) =>
  query(
    `insert into webhook (id, url, event_types, sealed_secret, disabled, create_time, update_time)
     values (?, 'https://example.com', ?::jsonb, '', ?, now(), now())`,
    [id, JSON.stringify(eventTypes), disabled],
  );
const listDeliveries = async () => {
  const rows = await query(
    `select webhook_id || ' ' || type as delivery from webhook_delivery join outbox_event on outbox_event.id = event_id
     order by 1`,
  );
  return (rows as { delivery: string }[]).map(({ delivery }) => delivery);
};
const listEvents = async () => {
  const rows = await query('select type, account, resource, data from outbox_event order by create_time, id');
  return rows as Pick<Required<NewEvent>, 'type' | 'account' | 'resource' | 'data'>[];
};

const EVENT: NewEvent = { type: 'key.expiring', data: { name: 'apiKeys/a' } };
const SECRET = { sealed: 'v1.sealed', expireTime: new Date('2030-01-01T00:00:00Z') };

describe('an event', () => {
  it('is delivered to each enabled webhook that wants it', async () => {
    await addWebhook('all', ['*']);
    await addWebhook('keys', ['account.deleted', 'key.*']);
    await addWebhook('type', ['key.expiring']);
    await addWebhook('others', ['account.*', 'key.disabled']);
    await addWebhook('off', ['*'], true);
    await publish(EVENT);
    expect(await listDeliveries()).toEqual(['all key.expiring', 'keys key.expiring', 'type key.expiring']);
    expect(await listEvents()).toMatchObject([{ type: 'key.expiring', data: { name: 'apiKeys/a' } }]);
  });

  it('is not stored if no webhook wants it', async () => {
    await addWebhook('others', ['account.*']);
    await publish(EVENT);
    expect(await listEvents()).toEqual([]);
    expect(await isEventWanted(database.em.fork(), 'key.expiring', false)).toBe(false);
    expect(await isEventWanted(database.em.fork(), 'account.created', false)).toBe(true);
  });

  it('with a secret goes only to webhooks that name its type', async () => {
    await addWebhook('all', ['*', 'password_reset.*']);
    await addWebhook('mailer', ['password_reset.requested']);
    await publish({ type: 'password_reset.requested', data: {}, secret: SECRET });
    expect(await listDeliveries()).toEqual(['mailer password_reset.requested']);
    const [stored] = await query(
      `select sealed_secret, secret_expire_time = '2030-01-01Z' as expires from webhook_delivery`,
    );
    expect(stored).toEqual({ sealed_secret: 'v1.sealed', expires: true });
  });

  it('exists only if the transaction of its change commits', async () => {
    await addWebhook('all', ['*']);
    const rolledBack = database.em.fork().transactional(async (em) => {
      await publishEvent(em, EVENT);
      throw new Error('rolled back');
    });
    await expect(rolledBack).rejects.toThrow('rolled back');
    expect(await listEvents()).toEqual([]);
  });

  it('is published once for one id, by any number of nodes at once', async () => {
    await addWebhook('all', ['*']);
    const event = { ...EVENT, id: randomUUID() };
    await Promise.all(Array.from({ length: 5 }, () => publish(event)));
    await publish(event);
    expect(await listDeliveries()).toEqual(['all key.expiring']);
  });

  it('can be published by many rows of one statement', async () => {
    await addWebhook('all', ['*']);
    await query(`
      select publish_event(type => 'usage.recorded', data => jsonb_build_object('hits', n), resource => 'accounts/' || n,
        account => n::text, id => 'row-' || n)
      from generate_series(1, 3) n where is_event_wanted('usage.recorded')`);
    expect(await listEvents()).toEqual(
      [1, 2, 3].map((n) => ({
        ...{ type: 'usage.recorded', account: `${n}`, resource: `accounts/${n}`, data: { hits: n } },
      })),
    );
  });
});

describe('a change in the database', () => {
  const addAccount = (id: string) =>
    query(
      `insert into account (id, email, role, plan_id, create_time, update_time)
       values (?, ?, 'user', 'free', now(), now())`,
      [id, `${id}@example.com`],
    );
  const addKey = (id: string) =>
    query(
      `insert into api_key (id, digest, hint, counter_id, display_name, account_id, disabled, create_time, update_time)
       values (?, sha256(?::bytea), 'HINT', ?, 'the key', 'ada', false, now(), now())`,
      [id, id, id],
    );

  it('of an account is an event', async () => {
    await addWebhook('all', ['*']);
    await addAccount('ada');
    const changes = [
      `display_name = 'Ada'`,
      'disabled = true',
      'disabled = false',
      `block_expire_time = '2030-01-01'`,
      'block_expire_time = null',
      `plan_id = 'pro'`,
      'last_sign_in_time = now()',
      'delete_time = now(), email = null',
      `display_name = ''`,
    ];
    for (const change of changes) await query(`update account set ${change} where id = 'ada'`);
    const events = await listEvents();
    expect(events.map(({ type }) => type)).toEqual([
      'account.created',
      'account.updated',
      'account.disabled',
      'account.enabled',
      'account.blocked',
      'account.unblocked',
      'plan.changed',
      'account.deleted',
    ]);
    expect(events.every(({ account, resource }) => account === 'ada' && resource === 'accounts/ada')).toBe(true);
    expect(events.find(({ type }) => type === 'plan.changed')?.data).toEqual({
      ...{ name: 'accounts/ada', plan: 'plans/pro', previousPlan: 'plans/free' },
    });
    expect(events.at(-1)?.data).toMatchObject({ name: 'accounts/ada', email: 'ada@example.com', displayName: 'Ada' });
  });

  it('of an API key is an event, without anything of its secret', async () => {
    await addWebhook('all', ['*']);
    await addAccount('ada');
    for (const id of ['one', 'two']) await addKey(id);
    const changes = ['disabled = true', 'disabled = false', `plan_id = 'pro'`, 'last_used_time = now()'];
    for (const change of changes) await query(`update api_key set ${change} where id = 'one'`);
    for (const id of ['one', 'two']) await query('update api_key set delete_time = now() where id = ?', [id]);
    const events = (await listEvents()).filter(({ type }) => type !== 'account.created');
    expect(events.map(({ type, resource }) => `${type} ${resource}`)).toEqual([
      'key.created apiKeys/one',
      'key.created apiKeys/two',
      'key.disabled apiKeys/one',
      'key.enabled apiKeys/one',
      'plan.changed apiKeys/one',
      'key.deleted apiKeys/one',
      'key.deleted apiKeys/two',
    ]);
    expect(events[0]?.data).toEqual({
      ...{ name: 'apiKeys/one', displayName: 'the key', account: 'accounts/ada', plan: null, disabled: false },
      expireTime: null,
    });
  });

  it('has one event before the end of each key that expires within a week', async () => {
    await addWebhook('all', ['key.expiring']);
    await addAccount('ada');
    const ends = { soon: '6 days', later: '8 days', past: '-1 minute', rotated: '6 days', off: '6 days' };
    for (const [id, end] of Object.entries(ends)) {
      await addKey(id);
      await query('update api_key set expire_time = now() + ?::interval where id = ?', [end, id]);
    }
    await query(`update api_key set successor_id = 'later' where id = 'rotated'`);
    await query(`update api_key set disabled = true where id = 'off'`);
    for (let run = 0; run < 2; run++) await publishExpiringKeys(createQuery(database));
    expect((await listEvents()).map(({ resource }) => resource)).toEqual(['apiKeys/soon']);
    await query(`update api_key set expire_time = now() + interval '5 days' where id = 'soon'`);
    await publishExpiringKeys(createQuery(database));
    expect(await listEvents()).toHaveLength(2);
  });

  it('that deletes a row outright is an event as well', async () => {
    await addWebhook('all', ['account.deleted']);
    await addAccount('ada');
    await query('delete from account');
    expect((await listEvents()).map(({ type }) => type)).toEqual(['account.deleted']);
  });
});
