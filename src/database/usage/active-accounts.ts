import type { Query } from '../../interfaces/query.ts';

/** Accounts with at least one allowed request, in the current day and month of UTC. */
export interface ActiveAccounts {
  readonly day: number;
  readonly month: number;
}

/**
 * Takes the turn to count, which one node has every 10 minutes. A count that takes long comes less often, so that it keeps a
 * connection busy for a twentieth of the time at most. One that fails counts as one of a minute.
 */
const CLAIM = `
  update usage_activity set claim_time = now(), count_duration = interval '1 min'
  where claim_time + greatest(interval '10 min', count_duration * 20) <= now() returning id`;

/** Days that are rolled up are in their month. Usage of such a day that arrives later is among the corrections. */
const COUNT = `
  with period as (
    select date_trunc('day', now(), 'UTC') as day, date_trunc('month', now(), 'UTC') as month,
      greatest(date_trunc('month', now(), 'UTC'), rolled_until) as rolled_until from usage_state
  ), of_day as (
    select distinct account_id from usage_hour where hour >= (select day from period) and allowed > 0
  ), of_month as (
    select account_id from usage_month where month = (select month from period) and allowed > 0
    union select account_id from usage_hour where hour >= (select rolled_until from period) and allowed > 0
    union select account_id from usage_correction
      where hour >= (select month from period) and record_time >= (select month from period) and allowed > 0
  )
  update usage_activity set
    day_accounts = (select count(*) from of_day where account_id <> ''),
    month_accounts = (select count(*) from of_month where account_id <> '')`;

/** By itself: within the statement that counts, Postgres may read the clock before it counts. */
const SET_DURATION = 'update usage_activity set count_duration = clock_timestamp() - claim_time';

/** Counts the active accounts, if it is time and no other node does. */
export async function countActiveAccounts(query: Query): Promise<void> {
  const claimed = await query(CLAIM, []);
  if (claimed.length === 0) return;
  await query(COUNT, []);
  await query(SET_DURATION, []);
}

/** Reads what was counted last. undefined: nothing was yet. */
export async function readActiveAccounts(query: Query): Promise<ActiveAccounts | undefined> {
  const [row] = (await query(
    `select day_accounts::float8 as day, month_accounts::float8 as month from usage_activity
     where day_accounts is not null and month_accounts is not null`,
    [],
  )) as ActiveAccounts[];
  return row;
}
