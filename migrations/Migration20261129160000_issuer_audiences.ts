import { Migration } from '@mikro-orm/migrations';

const COLUMNS =
  'id, issuer, audiences, algorithms, jwks, jwks_uri, claims, default_plan_id, catalog_accounts, disabled';

/**
 * Adds the claim that names the audience, the required claims and the aliases of an issuer. The defaults mean what an
 * issuer meant before, so the previous version can keep writing issuers.
 */
export class Migration20261129160000_issuer_audiences extends Migration {
  override up(): void {
    this.addSql(`
      alter table issuer
        add column issuer_aliases jsonb not null default '[]',
        add column audience_claim text not null default 'aud',
        add column required_claims jsonb not null default '{}'`);
    // One row for each `iss` claim that is taken, so that no two issuers can have the same one, as alias or not.
    this.addSql(`
      create table issuer_iss (
        iss text primary key,
        issuer_id text not null references issuer (id) on delete cascade
      )`);
    this.addSql(`create index issuer_iss_issuer_id on issuer_iss (issuer_id)`);
    this.addSql(`insert into issuer_iss (iss, issuer_id) select issuer, id from issuer`);
    // A trigger, because the previous version writes issuers too.
    this.addSql(`
      create function record_issuer_iss() returns trigger language plpgsql as $$
      begin
        delete from issuer_iss where issuer_id = new.id;
        insert into issuer_iss (iss, issuer_id)
          select new.issuer, new.id union select jsonb_array_elements_text(new.issuer_aliases), new.id;
        return null;
      end $$`);
    this.addSql(`
      create trigger issuer_iss_change after insert or update of id, issuer, issuer_aliases on issuer
      for each row execute function record_issuer_iss()`);
    this.#recordChangesOf(`${COLUMNS}, issuer_aliases, audience_claim, required_claims`);
  }

  override down(): void {
    this.addSql(`drop trigger issuer_iss_change on issuer`);
    this.addSql(`drop function record_issuer_iss()`);
    this.addSql(`drop table issuer_iss`);
    this.#recordChangesOf(COLUMNS);
    this.addSql(`
      alter table issuer
        drop column issuer_aliases, drop column audience_claim, drop column required_claims`);
  }

  #recordChangesOf(columns: string): void {
    this.addSql(`drop trigger issuer_change on issuer`);
    this.addSql(`
      create trigger issuer_change after insert or delete or update of ${columns} on issuer
      for each row execute function record_catalog_change()`);
  }
}
