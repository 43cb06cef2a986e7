import { Migration } from '@mikro-orm/migrations';

/** Declares the cost of words_of(). Otherwise Postgres reads all keys in the order of their ids to find a rare word. */
export class Migration20261121025000_words_cost extends Migration {
  override up(): void {
    this.addSql(`alter function words_of(text) cost 10000`);
  }

  override down(): void {
    this.addSql(`alter function words_of(text) cost 100`);
  }
}
