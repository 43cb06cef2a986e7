import { Migration } from '@mikro-orm/migrations';

/** Adds whether an API key was imported from another service. No trigger lists the column: it never changes. */
export class Migration20261129223000_imported_keys extends Migration {
  override up(): void {
    this.addSql(`alter table api_key add column imported boolean not null default false`);
  }

  // The previous version never looks these keys up, because they do not have the format of its own.
  override down(): void {
    this.addSql(`alter table api_key drop column imported`);
  }
}
