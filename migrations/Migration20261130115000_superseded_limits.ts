import { Migration } from '@mikro-orm/migrations';

/** Adds the limits from before recent edits of a plan, so that an edit opens no new budget. */
export class Migration20261130115000_superseded_limits extends Migration {
  override up(): void {
    this.addSql(`alter table plan add column superseded_limits jsonb not null default '[]'`);
  }

  override down(): void {
    this.addSql(`alter table plan drop column superseded_limits`);
  }
}
