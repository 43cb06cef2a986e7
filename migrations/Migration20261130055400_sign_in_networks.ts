import { Migration } from '@mikro-orm/migrations';

/** Adds the networks from which somebody has signed in to an account. */
export class Migration20261130055400_sign_in_networks extends Migration {
  override up(): void {
    this.addSql(`
      create table sign_in_network (
        account_id text not null references account (id) on delete cascade,
        network text not null,
        sign_in_time timestamptz not null,
        primary key (account_id, network)
      )`);
  }

  override down(): void {
    this.addSql('drop table sign_in_network');
  }
}
