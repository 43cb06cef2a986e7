import { Migration } from '@mikro-orm/migrations';

/** Adds the events of Stripe that were handled, and what they have said about subscriptions. */
export class Migration20261130155500_stripe_events extends Migration {
  override up(): void {
    this.addSql(`
      create table stripe_event (
        id text primary key,
        type text not null,
        create_time timestamptz not null,
        handle_time timestamptz not null default now()
      )`);
    this.addSql(`create index stripe_event_handle_time on stripe_event (handle_time)`);
    this.addSql(`
      create table stripe_subscription (
        id text primary key,
        account_id text not null,
        plan_id text,
        event_time timestamptz not null,
        event_stage integer not null
      )`);
    this.addSql(`create index stripe_subscription_account_id on stripe_subscription (account_id)`);
    this.addSql(`create index stripe_subscription_ended on stripe_subscription (event_time) where plan_id is null`);
  }

  override down(): void {
    this.addSql(`drop table stripe_event`);
    this.addSql(`drop table stripe_subscription`);
  }
}
