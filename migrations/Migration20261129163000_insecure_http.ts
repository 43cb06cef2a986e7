import { Migration } from '@mikro-orm/migrations';

const COLUMNS =
  'id, issuer, audiences, algorithms, jwks, jwks_uri, claims, default_plan_id, catalog_accounts, disabled, ' +
  'issuer_aliases, audience_claim, required_claims';

/** Adds whether the keys of an issuer may be fetched over plain http. */
export class Migration20261129163000_insecure_http extends Migration {
  override up(): void {
    this.addSql(`alter table issuer add column insecure_http boolean not null default false`);
    this.#recordChangesOf(`${COLUMNS}, insecure_http`);
  }

  override down(): void {
    this.#recordChangesOf(COLUMNS);
    this.addSql(`alter table issuer drop column insecure_http`);
  }

  #recordChangesOf(columns: string): void {
    this.addSql(`drop trigger issuer_change on issuer`);
    this.addSql(`
      create trigger issuer_change after insert or delete or update of ${columns} on issuer
      for each row execute function record_catalog_change()`);
  }
}
