import { Migration } from '@mikro-orm/migrations';

/** Adds how audit events past their retention are dropped, and the indexes that find rows to purge. */
export class Migration20261130061000_purge extends Migration {
  override up(): void {
    // Materialized, because no other relation has a month at the end of its name, and the planner might read it first.
    // A reader can hold a partition for long, and everybody who writes events would wait behind this.
    this.addSql(`
      create function drop_audit_partitions(before timestamptz) returns setof text
      language plpgsql set lock_timeout = '2s' as $$
      declare
        name text;
      begin
        for name in
          with partition as materialized (
            select relname from pg_inherits join pg_class on pg_class.oid = inhrelid
            where inhparent = 'audit_event'::regclass
          )
          select relname from partition
          where to_date(right(relname, 6), 'YYYYMM') + interval '1 month' <= before at time zone 'UTC'
        loop
          execute format('drop table %I', name);
          return next name;
        end loop;
      end $$`);
    // Refused calls are rare among the events.
    this.addSql(`create index audit_event_refused on audit_event (id) where result <> 'OK'`);
    this.addSql(`create index api_key_delete_time on api_key (delete_time) where delete_time is not null`);
    this.addSql(`create index account_delete_time on account (delete_time) where delete_time is not null`);
    this.addSql(`create index session_end on session (least(end_time, expire_time))`);
  }

  override down(): void {
    for (const index of ['session_end', 'account_delete_time', 'api_key_delete_time', 'audit_event_refused']) {
      this.addSql(`drop index ${index}`);
    }
    this.addSql(`drop function drop_audit_partitions(timestamptz)`);
  }
}
