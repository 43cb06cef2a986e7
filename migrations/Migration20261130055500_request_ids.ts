import { Migration } from '@mikro-orm/migrations';

/** Adds the answers of requests that have a request id. */
export class Migration20261130055500_request_ids extends Migration {
  override up(): void {
    this.addSql(`
      create table answered_request (
        caller text not null,
        request_id text not null,
        method text not null,
        digest text not null,
        answer bytea null,
        create_time timestamptz not null,
        primary key (caller, request_id)
      )
    `);
    this.addSql('create index answered_request_create_time_index on answered_request (create_time)');
  }

  override down(): void {
    this.addSql('drop table answered_request');
  }
}
