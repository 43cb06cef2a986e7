import { Migration } from '@mikro-orm/migrations';
import { type AuditedTable, auditTable, stopAuditing } from './audited-table.ts';

const WEBHOOK: AuditedTable = {
  table: 'webhook',
  resource: `'webhooks/' || $.id`,
  fields: {
    display_name: '$.display_name',
    url: '$.url',
    event_types: '$.event_types',
    disabled: '$.disabled',
    disable_reason: '$.disable_reason',
  },
  secrets: { secret: '$.sealed_secret' },
};

const API_KEY_DATA = `
  jsonb_build_object('name', 'apiKeys/' || item.id, 'displayName', item.display_name,
    'account', 'accounts/' || item.account_id, 'plan', 'plans/' || item.plan_id, 'disabled', item.disabled,
    'expireTime', audit_time(item.expire_time))`;

const ACCOUNT_DATA = `
  jsonb_build_object('name', 'accounts/' || item.id, 'email', item.email, 'displayName', item.display_name,
    'role', item.role, 'plan', 'plans/' || item.plan_id, 'disabled', item.disabled, 'emailVerified', item.email_verified,
    'blockExpireTime', audit_time(item.block_expire_time))`;

/** Adds webhooks, the outbox of the events that they get, and the triggers that publish events of keys and accounts. */
export class Migration20261130114500_webhooks extends Migration {
  override up(): void {
    this.#addTables();
    this.#addPublishing();
    this.#addApiKeyEvents();
    this.#addAccountEvents();
    for (const statement of auditTable(WEBHOOK)) this.addSql(statement);
  }

  override down(): void {
    for (const statement of stopAuditing('webhook')) this.addSql(statement);
    for (const table of ['account', 'api_key']) {
      for (const change of ['created', 'changed', 'deleted']) {
        this.addSql(`drop trigger ${table}_${change}_event on ${table}`);
      }
      this.addSql(`drop function publish_created_${table}()`);
      this.addSql(`drop function publish_changed_${table}()`);
    }
    this.addSql(`drop index api_key_expire_time`);
    this.addSql(`drop function publish_plan_change(text, text, text, text)`);
    this.addSql(`drop function publish_event(text, jsonb, text, text, text, text, timestamptz)`);
    this.addSql(`drop function is_event_wanted(text, boolean)`);
    this.addSql(`drop function wants_event(jsonb, text, boolean)`);
    for (const table of ['webhook_delivery', 'outbox_event', 'webhook']) this.addSql(`drop table ${table}`);
  }

  #addTables(): void {
    this.addSql(`
      create table webhook (
        id text primary key,
        display_name text not null default '',
        url text not null,
        event_types jsonb not null,
        sealed_secret text not null,
        former_sealed_secret text,
        former_secret_expire_time timestamptz,
        disabled boolean not null default false,
        disable_reason text not null default '',
        last_delivery_time timestamptz,
        version integer not null default 1,
        create_time timestamptz not null,
        update_time timestamptz not null
      )`);
    this.addSql(`
      create table outbox_event (
        id text primary key,
        type text not null,
        account text,
        resource text not null,
        data jsonb not null,
        create_time timestamptz not null
      )`);
    this.addSql(`create index outbox_event_create_time on outbox_event (create_time)`);
    this.addSql(`
      create table webhook_delivery (
        id uuid primary key default audit_event_id(clock_timestamp()),
        webhook_id text not null references webhook (id) on delete cascade,
        event_id text not null references outbox_event (id) on delete cascade,
        state text not null default 'pending',
        attempts integer not null default 0,
        first_attempt_time timestamptz,
        last_attempt_time timestamptz,
        next_attempt_time timestamptz not null default clock_timestamp(),
        response_status integer,
        error text not null default '',
        sealed_secret text,
        secret_expire_time timestamptz,
        create_time timestamptz not null default clock_timestamp(),
        unique (event_id, webhook_id)
      )`);
    this.addSql(`create index webhook_delivery_webhook_id on webhook_delivery (webhook_id, id)`);
    const pending = `where state = 'pending'`;
    this.addSql(`create index webhook_delivery_due on webhook_delivery (webhook_id, next_attempt_time) ${pending}`);
    this.addSql(`create index webhook_delivery_backlog on webhook_delivery (create_time) ${pending}`);
    this.addSql(`
      create index webhook_delivery_secret on webhook_delivery (secret_expire_time) where sealed_secret is not null`);
    // Finds the keys that expire soon.
    this.addSql(`
      create index api_key_expire_time on api_key (expire_time)
      where expire_time is not null and delete_time is null and not disabled`);
  }

  #addPublishing(): void {
    // Events with a secret go only to webhooks that name their type.
    this.addSql(`
      create function wants_event(event_types jsonb, type text, has_secret boolean) returns boolean
      language sql immutable as $$
        select event_types @> to_jsonb(type)
          or (not has_secret and (event_types @> '"*"' or event_types @> to_jsonb(split_part(type, '.', 1) || '.*')))
      $$`);
    this.addSql(`
      create function is_event_wanted(type text, has_secret boolean default false) returns boolean
      language sql stable as $$
        select exists (select from webhook where not disabled and wants_event(event_types, type, has_secret))
      $$`);
    // An event that no webhook wants is not stored.
    this.addSql(`
      create function publish_event(type text, data jsonb, resource text default '', account text default null,
        id text default null, sealed_secret text default null, secret_expire_time timestamptz default null)
      returns void language sql volatile as $$
        with subscriber as materialized (
          select webhook.id from webhook where not disabled
            and wants_event(event_types, publish_event.type, publish_event.sealed_secret is not null)
        ), published as (
          insert into outbox_event (id, type, account, resource, data, create_time)
          select coalesce(publish_event.id, audit_event_id(clock_timestamp())::text), publish_event.type,
            publish_event.account, publish_event.resource, publish_event.data, clock_timestamp()
          where exists (select from subscriber)
          on conflict do nothing
          returning outbox_event.id
        )
        insert into webhook_delivery (webhook_id, event_id, sealed_secret, secret_expire_time)
        select subscriber.id, published.id, publish_event.sealed_secret, publish_event.secret_expire_time
        from subscriber, published
      $$`);
    this.addSql(`
      create function publish_plan_change(resource text, account text, previous_plan_id text, plan_id text)
      returns void language sql volatile as $$
        select publish_event('plan.changed', jsonb_build_object('name', resource, 'plan', 'plans/' || plan_id,
          'previousPlan', 'plans/' || previous_plan_id), resource, account)
      $$`);
  }

  #addApiKeyEvents(): void {
    this.#addTriggers('api_key', 'disabled, plan_id, delete_time', {
      data: API_KEY_DATA,
      type: 'key',
      resource: `'apiKeys/' || item.id`,
      account: 'item.account_id',
      others: `''`,
    });
  }

  #addAccountEvents(): void {
    const columns =
      'email, display_name, role, email_verified, disabled, plan_id, block_expire_time, block_reason, delete_time';
    this.#addTriggers('account', columns, {
      data: ACCOUNT_DATA,
      type: 'account',
      resource: `'accounts/' || item.id`,
      account: 'item.id',
      others: `
        case
          when old.block_expire_time is distinct from new.block_expire_time
            or old.block_reason is distinct from new.block_reason
            then case when new.block_expire_time is null then 'unblocked' else 'blocked' end
          when (old.email, old.display_name, old.role, old.email_verified)
            is distinct from (new.email, new.display_name, new.role, new.email_verified) then 'updated'
          else ''
        end`,
    });
  }

  /** Publishes the events of a table. `others` says what else has happened to an updated row; empty: nothing. */
  #addTriggers(
    table: 'api_key' | 'account',
    columns: string,
    {
      data,
      type,
      resource,
      account,
      others,
    }: Readonly<Record<'data' | 'type' | 'resource' | 'account' | 'others', string>>,
  ): void {
    // One statement creates many rows.
    this.addSql(`
      create function publish_created_${table}() returns trigger language plpgsql as $$
      begin
        if is_event_wanted('${type}.created') then
          perform publish_event('${type}.created', ${data}, ${resource}, ${account}) from new_rows item;
        end if;
        return null;
      end $$`);
    this.addSql(`
      create trigger ${table}_created_event after insert on ${table} referencing new table as new_rows
      for each statement execute function publish_created_${table}()`);
    this.addSql(`
      create function publish_changed_${table}() returns trigger language plpgsql as $$
      declare
        item ${table} := case tg_op when 'DELETE' then old else new end;
        change text;
      begin
        if tg_op = 'DELETE' or new.delete_time is not null then
          -- A deleted account loses its address.
          perform publish_event('${type}.deleted', ${data.replaceAll('item.', 'old.')}, ${resource}, ${account});
          return null;
        end if;
        if new.disabled <> old.disabled then
          change := case when new.disabled then 'disabled' else 'enabled' end;
          perform publish_event('${type}.' || change, ${data}, ${resource}, ${account});
        end if;
        change := ${others};
        if change <> '' then
          perform publish_event('${type}.' || change, ${data}, ${resource}, ${account});
        end if;
        if new.plan_id is distinct from old.plan_id then
          perform publish_plan_change(${resource}, ${account}, old.plan_id, new.plan_id);
        end if;
        return null;
      end $$`);
    this.addSql(`
      create trigger ${table}_changed_event after update of ${columns} on ${table}
      for each row when (old.delete_time is null) execute function publish_changed_${table}()`);
    this.addSql(`
      create trigger ${table}_deleted_event after delete on ${table}
      for each row when (old.delete_time is null) execute function publish_changed_${table}()`);
  }
}
