import { Migration } from '@mikro-orm/migrations';

/** Adds the keys that authenticate receipts, and the first of them. A node of the version before ignores them. */
export class Migration20261129235000_receipt_keys extends Migration {
  override up(): void {
    this.addSql(`
      create table receipt_key (
        id text primary key,
        secret bytea not null,
        create_time timestamptz not null
      )`);
    // Two random UUIDs have 244 random bits, from the strong random numbers of Postgres.
    this.addSql(`
      insert into receipt_key (id, secret, create_time)
      values (left(gen_random_uuid()::text, 8),
        decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'), now())`);
    this.addSql(`
      create trigger receipt_key_change after insert or delete or update on receipt_key
      for each row execute function record_catalog_change()`);
  }

  override down(): void {
    this.addSql(`drop table receipt_key`);
  }
}
