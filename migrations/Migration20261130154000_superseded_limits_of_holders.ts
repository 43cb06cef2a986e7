import { Migration } from '@mikro-orm/migrations';

/**
 * Adds the limits from before recent edits of a key, and those of the plans that an account or a key had before, so that
 * neither opens a new budget.
 */
export class Migration20261130154000_superseded_limits_of_holders extends Migration {
  override up(): void {
    this.addSql(`alter table account add column superseded_plan_limits jsonb not null default '[]'`);
    this.addSql(`alter table api_key add column superseded_limits jsonb not null default '[]',
      add column superseded_plan_limits jsonb not null default '[]'`);
  }

  override down(): void {
    this.addSql(`alter table api_key drop column superseded_limits, drop column superseded_plan_limits`);
    this.addSql(`alter table account drop column superseded_plan_limits`);
  }
}
