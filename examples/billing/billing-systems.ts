/** A usage event of Weir, as far as billing needs it. */
export interface UsageEvent {
  /** The same for each repetition, so billing systems count it once. */
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** RFC 3339. */
  readonly time: string;
  /** The account, as the header `x-weir-account` names it. */
  readonly account: string;
  readonly data: {
    /** Cost of the requests. A correction can be negative. */
    readonly hits: number;
  };
}

/** Where and how to report usage. */
export interface BillingTarget {
  /** Origin of the API, such as `https://api.stripe.com`. */
  readonly url: string;
  readonly key: string;
  /** The name of the meter: `event_name` of Stripe, `code` of Lago. OpenMeter has the type of the event. */
  readonly meter: string;
}

/** An HTTP request. All are POST. */
export interface BillingRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The requests that report an event, by billing system. */
export const BILLING_SYSTEMS = { stripe: toStripe, openmeter: toOpenMeter, lago: toLago };

/**
 * A meter event of Stripe (https://docs.stripe.com/api/billing/meter-event/create). `identifier` makes it idempotent for at
 * least 24 hours, as long as Weir retries. The account is stored as the id of the customer (`cus_…`), so name accounts of
 * Weir after them, or look them up here.
 */
function toStripe({ id, time, account, data }: UsageEvent, { url, key, meter }: BillingTarget): BillingRequest {
  const body = new URLSearchParams({
    event_name: meter,
    'payload[stripe_customer_id]': account,
    'payload[value]': String(data.hits),
    identifier: id,
    timestamp: String(toUnixSeconds(time)),
  });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/x-www-form-urlencoded' };
  return { url: `${url}/v1/billing/meter_events`, headers, body: body.toString() };
}

/**
 * A CloudEvent for OpenMeter (https://openmeter.io/docs/metering/events/usage-events), which ignores a second event with the
 * same id and source. Its subject is the customer.
 */
function toOpenMeter(event: UsageEvent, { url, key }: BillingTarget): BillingRequest {
  const { id, source, type, time, account, data } = event;
  const body = JSON.stringify({ specversion: '1.0', id, source, type, time, subject: account, data });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/cloudevents+json' };
  return { url: `${url}/api/v1/events`, headers, body };
}

/** An event of Lago (https://docs.getlago.com/api-reference/events/usage), which is unique by `transaction_id`. */
function toLago({ id, time, account, data }: UsageEvent, { url, key, meter }: BillingTarget): BillingRequest {
  const event = {
    transaction_id: id,
    external_subscription_id: account,
    code: meter,
    timestamp: toUnixSeconds(time),
    properties: { hits: data.hits },
  };
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  return { url: `${url}/api/v1/events`, headers, body: JSON.stringify({ event }) };
}

function toUnixSeconds(time: string): number {
  return Math.floor(Date.parse(time) / 1000);
}
