import { Migration } from '@mikro-orm/migrations';

/** Adds the refresh tokens that were used lately, with the sealed answers to a repeated call. */
export class Migration20261129230000_session_grace extends Migration {
  override up(): void {
    this.addSql(`alter table session add column used_refresh_tokens jsonb not null default '[]'`);
  }

  override down(): void {
    this.addSql(`alter table session drop column used_refresh_tokens`);
  }
}
