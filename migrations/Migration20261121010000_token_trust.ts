import { Migration } from '@mikro-orm/migrations';

/** Adds external issuers and revocations. Prepares signing keys for encryption and rotation. */
export class Migration20261121010000_token_trust extends Migration {
  override up(): void {
    this.addSql(`
      create table issuer (
        id text primary key,
        display_name text not null,
        issuer text not null unique,
        audiences jsonb not null,
        algorithms jsonb not null,
        jwks jsonb,
        jwks_uri text,
        claims jsonb not null default '{}',
        default_plan_id text references plan (id),
        catalog_accounts boolean not null default false,
        disabled boolean not null default false,
        version integer not null default 1,
        create_time timestamptz not null,
        update_time timestamptz not null
      )`);
    this.addSql(`create index issuer_default_plan_id on issuer (default_plan_id)`);
    this.addSql(`
      create table revocation (
        id text primary key,
        issuer_id text,
        kind text not null check (kind in ('token', 'session', 'account')),
        value text not null,
        issued_before timestamptz,
        expire_time timestamptz not null,
        create_time timestamptz not null
      )`);
    this.addSql(`create index revocation_expire_time on revocation (expire_time)`);
    // Keeps `private_jwk`: the previous version reads and writes only that column.
    this.addSql(`
      alter table signing_key
        alter column private_jwk drop not null,
        add column algorithm text not null default 'EdDSA',
        add column public_jwk jsonb,
        add column sealed_jwk text,
        add column activate_time timestamptz,
        add column expire_time timestamptz,
        add column last_token_expire_time timestamptz`);
    for (const [table, columns] of [
      [
        'issuer',
        'id, issuer, audiences, algorithms, jwks, jwks_uri, claims, default_plan_id, catalog_accounts, disabled',
      ],
      ['revocation', 'id, issuer_id, kind, value, issued_before, expire_time'],
      ['signing_key', 'id, private_jwk, algorithm, public_jwk, sealed_jwk, activate_time, expire_time'],
    ]) {
      this.addSql(`
        create trigger ${table}_change after insert or delete or update of ${columns} on ${table}
        for each row execute function record_catalog_change()`);
    }
  }

  override down(): void {
    this.addSql(`drop trigger signing_key_change on signing_key`);
    this.addSql(`drop table issuer`);
    this.addSql(`drop table revocation`);
    // The previous version cannot read these keys. It creates a new one.
    this.addSql(`delete from signing_key where private_jwk is null`);
    this.addSql(`
      alter table signing_key
        alter column private_jwk set not null,
        drop column algorithm, drop column public_jwk, drop column sealed_jwk,
        drop column activate_time, drop column expire_time, drop column last_token_expire_time`);
  }
}
