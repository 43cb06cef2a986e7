import { Migration } from '@mikro-orm/migrations';

/** Tells Postgres what words_of() costs: else it reads all keys in order of their ids to find the few with a rare word. */
export class Migration20261121025000_words_cost extends Migration {
  override up(): void {
    this.addSql(`alter function words_of(text) cost 10000`);
  }

  override down(): void {
    this.addSql(`alter function words_of(text) cost 100`);
  }
}
