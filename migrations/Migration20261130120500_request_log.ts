import { Migration } from '@mikro-orm/migrations';

/** Adds the request log. Its ids are UUIDs of version 7, which begin with the time. */
export class Migration20261130120500_request_log extends Migration {
  override up(): void {
    this.addSql(`
      create table request_log (
        id uuid not null,
        create_time timestamptz not null,
        request_id text not null,
        account_id text,
        api_key_id text,
        plan_id text,
        route text not null,
        method text not null,
        path text not null,
        status integer not null,
        code text not null,
        duration_ms integer not null,
        request_bytes bigint not null,
        response_bytes bigint not null,
        peer text not null,
        user_agent text not null,
        primary key (id, create_time)
      ) partition by range (create_time)`);
    this.addSql(`select create_time_partitions('request_log', 'day', now() - interval '1 day', 5)`);
    this.addSql(`create index request_log_account_id on request_log (account_id, id) where account_id is not null`);
    this.addSql(`create index request_log_api_key_id on request_log (api_key_id, id) where api_key_id is not null`);
    this.addSql(`create index request_log_request_id on request_log (request_id)`);
    this.addSql(`create index request_log_refused on request_log (id) where status >= 400`);
  }

  override down(): void {
    this.addSql(`drop table request_log`);
  }
}
