import { Migration } from '@mikro-orm/migrations';

/** Adds the indexes for the filters of ListApiKeys by hint, creation and last use. */
export class Migration20261129231000_api_key_search extends Migration {
  override up(): void {
    // For the beginning and the end of a hint, which is all that people remember of a key.
    this.addSql(`create index api_key_hint on api_key (hint text_pattern_ops)`);
    this.addSql(`create index api_key_hint_end on api_key (reverse(hint) text_pattern_ops)`);
    this.addSql(`create index api_key_create_time on api_key (create_time)`);
    this.#addLastUsedDay();
    // Without statistics of the new indexes, Postgres would read all keys until it gathers them by itself.
    this.addSql(`analyze api_key`);
  }

  /**
   * Indexes the day and not the time: an update of an indexed column changes all indexes, and keys are used every minute.
   * A trigger and not a generated column, which would rewrite the table, or a change of the statement, because nodes of the
   * previous version write the time as well.
   */
  #addLastUsedDay(): void {
    this.addSql(`alter table api_key add column last_used_day date`);
    this.addSql(`
      create function record_last_used_day() returns trigger language plpgsql as $$
      begin
        new.last_used_day := (new.last_used_time at time zone 'UTC')::date;
        return new;
      end $$`);
    this.addSql(`
      create trigger api_key_last_used before update of last_used_time on api_key
      for each row execute function record_last_used_day()`);
    // Ids are UUIDs. A part of them at a time stays below the timeout of a statement.
    const starts = [...'0123456789abcdefg'];
    for (const [index, end] of starts.slice(1).entries()) {
      this.addSql(`
        update api_key set last_used_day = (last_used_time at time zone 'UTC')::date
        where last_used_time is not null and id >= '${starts[index]}' and id < '${end}'`);
    }
    this.addSql(`create index api_key_last_used_day on api_key (last_used_day)`);
  }

  override down(): void {
    for (const index of ['api_key_hint', 'api_key_hint_end', 'api_key_create_time', 'api_key_last_used_day']) {
      this.addSql(`drop index ${index}`);
    }
    this.addSql(`drop trigger api_key_last_used on api_key`);
    this.addSql(`drop function record_last_used_day()`);
    this.addSql(`alter table api_key drop column last_used_day`);
  }
}
