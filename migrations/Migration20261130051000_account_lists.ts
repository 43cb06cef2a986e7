import { Migration } from '@mikro-orm/migrations';

/** Adds the indexes for the filters of ListAccounts. */
export class Migration20261130051000_account_lists extends Migration {
  override up(): void {
    // For the beginning and the end of an address: a name, or a domain.
    this.addSql(`create index account_email_begin on account (email text_pattern_ops)`);
    this.addSql(`create index account_email_end on account (reverse(email) text_pattern_ops)`);
    this.addSql(`create index account_plan_id_id on account (plan_id, id)`);
    this.addSql(`create index account_role_id on account (role, id)`);
    this.addSql(`create index account_disabled_id on account (disabled, id)`);
    this.addSql(`create index account_create_time on account (create_time)`);
    this.addSql(`create index account_last_sign_in_time on account (last_sign_in_time)`);
    // Without statistics of the new indexes, Postgres would read all accounts until it gathers them by itself.
    this.addSql(`analyze account`);
  }

  override down(): void {
    const columns = [
      'email_begin',
      'email_end',
      'plan_id_id',
      'role_id',
      'disabled_id',
      'create_time',
      'last_sign_in_time',
    ];
    for (const column of columns) this.addSql(`drop index account_${column}`);
  }
}
