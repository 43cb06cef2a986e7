import { Migration } from '@mikro-orm/migrations';

/** Adds the password of a sign-up to the tokens that verify its address, and the index for a filter of ListAccounts. */
export class Migration20261130115100_verification_passwords extends Migration {
  override up(): void {
    this.addSql(`alter table one_time_token add column password_hash text`);
    this.addSql(`create index account_email_verified_id on account (email_verified, id)`);
  }

  override down(): void {
    this.addSql(`drop index account_email_verified_id`);
    this.addSql(`alter table one_time_token drop column password_hash`);
  }
}
