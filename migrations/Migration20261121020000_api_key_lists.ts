import { Migration } from '@mikro-orm/migrations';

/** Adds the time of an API key's last use, and indexes for the filters of ListApiKeys. */
export class Migration20261121020000_api_key_lists extends Migration {
  override up(): void {
    // No trigger of the change feed lists this column: the use of a key is not a change that nodes must follow.
    this.addSql(`alter table api_key add column last_used_time timestamptz`);
    // Leaves room in each page for new row versions, so that an update of the last use changes no index.
    this.addSql(`alter table api_key set (fillfactor = 85)`);
    // Returns the words of a text in lower case. All ASCII characters other than letters and digits separate words.
    // Does not use Postgres' own parser, which treats e-mail addresses, paths and numbers as special tokens.
    this.addSql(`
      create function words_of(text) returns tsvector language sql immutable strict parallel safe
      return array_to_tsvector(array_remove(regexp_split_to_array(lower($1), '[\\x01-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7f]+'), ''))`);
    this.addSql(`create index api_key_words on api_key using gin (words_of(display_name))`);
    this.addSql(`create index api_key_plan_id_id on api_key (plan_id, id)`);
    this.addSql(`create index api_key_disabled_id on api_key (disabled, id)`);
    this.addSql(`create index api_key_end on api_key (least(expire_time, overlap_end_time))`);
  }

  override down(): void {
    for (const index of ['api_key_words', 'api_key_plan_id_id', 'api_key_disabled_id', 'api_key_end']) {
      this.addSql(`drop index ${index}`);
    }
    this.addSql(`drop function words_of(text)`);
    this.addSql(`alter table api_key reset (fillfactor)`);
    this.addSql(`alter table api_key drop column last_used_time`);
  }
}
