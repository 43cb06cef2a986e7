import { Migration } from '@mikro-orm/migrations';

/** Adds what AccountService manages: profile, disabling, blocks and soft deletion. */
export class Migration20261130050000_accounts extends Migration {
  override up(): void {
    this.addSql(`
      alter table account
        add column display_name text not null default '',
        add column disabled boolean not null default false,
        add column disable_reason text not null default '',
        add column block_expire_time timestamptz,
        add column block_reason text not null default '',
        add column email_verified boolean not null default false,
        add column last_sign_in_time timestamptz,
        add column delete_time timestamptz,
        add column version integer not null default 1,
        alter column email drop not null,
        alter column password_hash drop not null`);
    // The columns that decisions read. Names and times of sign-ins cost the nodes nothing.
    this.addSql(`drop trigger account_change on account`);
    this.addSql(`
      create trigger account_change
      after insert or delete or update of id, plan_id, disabled, block_expire_time, delete_time on account
      for each row execute function record_catalog_change()`);
  }

  // The previous version cannot store accounts without an e-mail address or a password. Their keys keep their rows.
  override down(): void {
    this.addSql(`drop trigger account_change on account`);
    this.addSql(`update account set email = id || '@deleted.invalid' where email is null`);
    this.addSql(`update account set password_hash = '' where password_hash is null`);
    this.addSql(`
      alter table account
        drop column display_name,
        drop column disabled,
        drop column disable_reason,
        drop column block_expire_time,
        drop column block_reason,
        drop column email_verified,
        drop column last_sign_in_time,
        drop column delete_time,
        drop column version,
        alter column email set not null,
        alter column password_hash set not null`);
    this.addSql(`
      create trigger account_change after insert or delete or update of id, plan_id on account
      for each row execute function record_catalog_change()`);
  }
}
