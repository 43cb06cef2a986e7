import { Migration } from '@mikro-orm/migrations';

/** Adds the checkpoints of quotas: what their counters counted, in case that these are lost. */
export class Migration20261130105500_checkpoints extends Migration {
  override up(): void {
    // One row per counter: the next period overwrites it. Rows are updated where they are, as no index has their changed
    // columns but at the start of a period.
    this.addSql(`
      create table counter_checkpoint (
        id text collate "C" primary key,
        subject text not null,
        limit_identity text not null,
        period_start_time timestamptz not null,
        period_end_time timestamptz not null,
        used bigint not null,
        refunded bigint not null,
        observe_time timestamptz not null,
        lower_time timestamptz not null
      ) with (fillfactor = 70)
    `);
    this.addSql('create index counter_checkpoint_period_end on counter_checkpoint (period_end_time)');
  }

  override down(): void {
    this.addSql('drop table counter_checkpoint');
  }
}
