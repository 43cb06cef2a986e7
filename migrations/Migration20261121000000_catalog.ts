import { Migration } from '@mikro-orm/migrations';

/** Adds plans, accounts, API keys, signing keys, sessions, and the change feed that decision nodes follow. */
export class Migration20261121000000_catalog extends Migration {
  override up(): void {
    this.addSql(`
      create table plan (
        id text primary key,
        display_name text not null,
        limits jsonb not null,
        features jsonb not null default '[]',
        version integer not null default 1,
        create_time timestamptz not null,
        update_time timestamptz not null
      )`);
    this.addSql(`
      create table account (
        id text primary key,
        email text not null unique,
        password_hash text not null,
        role text not null check (role in ('admin', 'user')),
        plan_id text not null references plan (id),
        create_time timestamptz not null,
        update_time timestamptz not null
      )`);
    this.addSql(`create index account_plan_id on account (plan_id)`);
    this.addSql(`
      create table api_key (
        id text primary key,
        digest bytea not null unique,
        hint text not null,
        counter_id text not null,
        display_name text not null,
        account_id text not null references account (id),
        plan_id text references plan (id),
        allowed_networks jsonb not null default '[]',
        limits jsonb not null default '[]',
        features jsonb not null default '[]',
        disabled boolean not null,
        expire_time timestamptz,
        overlap_end_time timestamptz,
        delete_time timestamptz,
        version integer not null default 1,
        create_time timestamptz not null,
        update_time timestamptz not null
      )`);
    this.addSql(`create index api_key_account_id on api_key (account_id, id)`);
    this.addSql(`create index api_key_plan_id on api_key (plan_id)`);
    this.addSql(`
      create table signing_key (
        id text primary key,
        private_jwk jsonb not null,
        create_time timestamptz not null
      )`);
    this.addSql(`
      create table session (
        id text primary key,
        account_id text not null references account (id) on delete cascade,
        family_digest bytea not null unique,
        token_digest bytea not null,
        expire_time timestamptz not null,
        end_time timestamptz,
        create_time timestamptz not null,
        update_time timestamptz not null
      )`);
    this.addSql(`create index session_account_id on session (account_id)`);
    this.addChangeFeed();
  }

  private addChangeFeed(): void {
    this.addSql(`
      create table catalog_change (
        id bigserial primary key,
        transaction_id xid8 not null default pg_current_xact_id(),
        entity text not null,
        entity_id text not null,
        create_time timestamptz not null default now()
      )`);
    this.addSql(`create index catalog_change_transaction_id on catalog_change (transaction_id)`);
    this.addSql(`
      create function record_catalog_change() returns trigger language plpgsql as $$
      begin
        if tg_op <> 'INSERT' then
          insert into catalog_change (entity, entity_id) values (tg_table_name, old.id);
        end if;
        if tg_op = 'INSERT' or (tg_op = 'UPDATE' and new.id <> old.id) then
          insert into catalog_change (entity, entity_id) values (tg_table_name, new.id);
        end if;
        return null;
      end $$`);
    // Leaves out the columns that no decision reads (names, hints, password hashes), so that changing them costs the
    // nodes nothing.
    for (const [table, columns] of [
      ['plan', 'id, limits, features'],
      ['account', 'id, plan_id'],
      [
        'api_key',
        `id, digest, counter_id, account_id, plan_id, allowed_networks, limits, features,
        disabled, expire_time, overlap_end_time, delete_time`,
      ],
    ]) {
      this.addSql(`
        create trigger ${table}_change after insert or delete or update of ${columns} on ${table}
        for each row execute function record_catalog_change()`);
    }
  }

  override down(): void {
    for (const table of ['api_key', 'session', 'signing_key', 'account', 'plan', 'catalog_change']) {
      this.addSql(`drop table ${table}`);
    }
    this.addSql(`drop function record_catalog_change()`);
  }
}
