import type { EventType } from '../../domain/event-types.ts';
import type { Query } from '../../interfaces/query.ts';

/** A delivery that this node attempts, with its event and its webhook. */
export interface ClaimedDelivery {
  readonly id: string;
  /** Counts this attempt. */
  readonly attempts: number;
  /** The one-time token in the event, encrypted. Null: there is none. */
  readonly sealedSecret: string | null;
  readonly eventId: string;
  readonly type: EventType;
  readonly account: string | null;
  readonly resource: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** In ms since 1970. */
  readonly createdAt: number;
  readonly webhookId: string;
  readonly url: string;
  /** The secrets that sign, encrypted. The first is the current one. */
  readonly sealedSigningSecrets: readonly string[];
}

/** Claims due deliveries of enabled webhooks, the longest due first. `skip locked` leaves those to others that they claim. */
const CLAIM = `
  with due as materialized (
    select delivery.id from webhook, lateral (
      select id from webhook_delivery
      where webhook_id = webhook.id and state = 'pending' and next_attempt_time <= clock_timestamp()
      order by next_attempt_time
      limit greatest(0, ?::int - coalesce((?::jsonb->>webhook.id)::int, 0))
      for update skip locked
    ) delivery
    where not webhook.disabled
  ), claimed as (
    update webhook_delivery set attempts = attempts + 1, last_attempt_time = clock_timestamp(),
      first_attempt_time = coalesce(first_attempt_time, clock_timestamp()),
      next_attempt_time = clock_timestamp() + ? * interval '1 ms'
    where id in (select id from due)
    returning id, attempts, sealed_secret, event_id, webhook_id
  )
  select claimed.id, attempts, claimed.sealed_secret as "sealedSecret", event_id as "eventId", type, account, resource,
    data, extract(epoch from event.create_time)::float8 * 1000 as "createdAt", webhook_id as "webhookId", url,
    case when former_secret_expire_time > clock_timestamp() and former_sealed_secret is not null
      then jsonb_build_array(webhook.sealed_secret, former_sealed_secret) else jsonb_build_array(webhook.sealed_secret)
    end as "sealedSigningSecrets"
  from claimed join outbox_event event on event.id = event_id join webhook on webhook.id = webhook_id`;

export interface ClaimOptions {
  /** Deliveries to one webhook that a node attempts at once. */
  readonly maxPerWebhook: number;
  /** Deliveries that this node attempts now, by the id of the webhook. */
  readonly inFlight: Readonly<Record<string, number>>;
  /** Time after which other nodes take over, in ms. Longer than an attempt takes. */
  readonly leaseMs: number;
}

/** Claims deliveries for this node. If it dies, others take them over when the lease has ended. */
export async function claimDeliveries(
  query: Query,
  { maxPerWebhook, inFlight, leaseMs }: ClaimOptions,
): Promise<readonly ClaimedDelivery[]> {
  return (await query(CLAIM, [maxPerWebhook, JSON.stringify(inFlight), leaseMs])) as readonly ClaimedDelivery[];
}

/** A claim that has ended. Another node may have taken the delivery over since; then nothing is recorded. */
type Attempt = Pick<ClaimedDelivery, 'id' | 'attempts' | 'webhookId'>;

/** Records that a webhook has accepted a delivery. Erases the token in it. */
export async function recordDelivered(
  query: Query,
  { id, attempts, webhookId }: Attempt,
  status: number,
): Promise<void> {
  await query(
    `update webhook_delivery set state = 'delivered', response_status = ?, error = '', sealed_secret = null
     where id = ? and attempts = ? and state = 'pending'`,
    [status, id, attempts],
  );
  // Seldom, so that the deliveries to a webhook do not wait for each other.
  await query(
    `update webhook set last_delivery_time = date_trunc('minute', clock_timestamp())
     where id = ? and (last_delivery_time is null or last_delivery_time < clock_timestamp() - interval '1 minute')`,
    [webhookId],
  );
}

export interface FailedAttempt {
  /** Undefined: there was no response. */
  readonly status: number | undefined;
  readonly error: string;
  /** Time to the next attempt, in ms. */
  readonly delayMs: number;
  /** Time after the first attempt until which a delivery is retried, in ms. */
  readonly retryPeriodMs: number;
}

/** Records a failed attempt. Returns whether the delivery is given up, because the next attempt would be too late. */
export async function recordFailure(
  query: Query,
  { id, attempts }: Attempt,
  { status, error, delayMs, retryPeriodMs }: FailedAttempt,
): Promise<boolean> {
  const rows = await query(
    `with failed as (
       select id, clock_timestamp() + ? * interval '1 ms' as next,
         clock_timestamp() + ? * interval '1 ms' > first_attempt_time + ? * interval '1 ms' as is_over
       from webhook_delivery where id = ? and attempts = ? and state = 'pending' for update
     )
     update webhook_delivery set response_status = ?, error = ?, next_attempt_time = next,
       state = case when is_over then 'failed' else 'pending' end,
       sealed_secret = case when is_over then null else sealed_secret end
     from failed where webhook_delivery.id = failed.id
     returning is_over as "isOver"`,
    [delayMs, delayMs, retryPeriodMs, id, attempts, status ?? null, error],
  );
  return (rows as { isOver: boolean }[])[0]?.isOver === true;
}

/** Erases tokens that have expired, and gives their deliveries up. Returns how many. */
export async function eraseExpiredSecrets(query: Query): Promise<number> {
  const rows = await query(
    `with expired as (
       update webhook_delivery set sealed_secret = null, state = 'failed', error = 'the one-time token has expired'
       where sealed_secret is not null and secret_expire_time <= clock_timestamp() returning id
     )
     select count(*)::int as count from expired`,
    [],
  );
  return (rows as { count: number }[])[0]?.count ?? 0;
}

/** The deliveries that wait for an attempt. */
export interface Backlog {
  /** At most 100,000: more are not counted. */
  readonly count: number;
  /** Age of the oldest, in seconds. 0: there is none. */
  readonly oldestSeconds: number;
}

export async function readBacklog(query: Query): Promise<Backlog> {
  const [row] = await query(
    `select (select count(*)::int from (select from webhook_delivery where state = 'pending' limit 100000) pending) as count,
       coalesce(extract(epoch from clock_timestamp() -
         (select min(create_time) from webhook_delivery where state = 'pending'))::float8, 0) as "oldestSeconds"`,
    [],
  );
  return row as Backlog;
}
