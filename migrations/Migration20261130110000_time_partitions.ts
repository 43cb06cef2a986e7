import { Migration } from '@mikro-orm/migrations';

/**
 * Adds functions that create and drop the partitions of any table that is partitioned by a range of a `timestamptz`. A
 * partition has a day or a month of UTC, and its name ends with it: `usage_hour_202611`, `request_log_20261130`.
 */
export class Migration20261130110000_time_partitions extends Migration {
  override up(): void {
    this.addSql(`
      create function partition_suffix(unit text) returns text language sql immutable as $$
        select case unit when 'day' then 'YYYYMMDD' when 'month' then 'YYYYMM' end
      $$`);
    // Attaching a table, other than creating it as a partition, does not wait for those who read and write the others.
    this.addSql(`
      create function create_time_partitions(parent regclass, unit text, start timestamptz, count integer)
      returns void language plpgsql as $$
      declare
        lower timestamp := date_trunc(unit, start at time zone 'UTC');
        step interval := ('1 ' || unit)::interval;
        name text;
      begin
        for index in 1 .. count loop
          name := parent::text || '_' || to_char(lower, partition_suffix(unit));
          if to_regclass(name) is null then
            execute format('create table %I (like %s including all)', name, parent);
            execute format('alter table %s attach partition %I for values from (%L) to (%L)', parent, name,
              lower at time zone 'UTC', (lower + step) at time zone 'UTC');
          end if;
          lower := lower + step;
        end loop;
      end $$`);
    // Materialized, because no other relation has a time at the end of its name, and the planner might read it first.
    this.addSql(`
      create function time_partitions(parent regclass, unit text) returns table (name text, start timestamptz)
      language sql stable as $$
        with partition as materialized (
          select relname::text as name from pg_inherits join pg_class on pg_class.oid = inhrelid where inhparent = parent
        )
        select name, to_timestamp(right(name, length(partition_suffix(unit))), partition_suffix(unit))::timestamp
          at time zone 'UTC'
        from partition
      $$`);
    // A reader can hold a partition for long, and everybody who writes rows would wait behind this.
    this.addSql(`
      create function drop_time_partitions(parent regclass, unit text, before timestamptz) returns setof text
      language plpgsql set lock_timeout = '2s' as $$
      declare
        old record;
      begin
        for old in
          select * from time_partitions(parent, unit) partition
          where (partition.start at time zone 'UTC' + ('1 ' || unit)::interval) at time zone 'UTC' <= before
          order by partition.start
        loop
          execute format('drop table %I', old.name);
          return next old.name;
        end loop;
      end $$`);
  }

  override down(): void {
    for (const name of [
      'drop_time_partitions(regclass, text, timestamptz)',
      'time_partitions(regclass, text)',
      'create_time_partitions(regclass, text, timestamptz, integer)',
      'partition_suffix(text)',
    ]) {
      this.addSql(`drop function ${name}`);
    }
  }
}
