import { z } from 'zod';
import { parseJson } from '../../domain/validation/parse-json.ts';

/** The types of events that may change a plan, in the order in which Stripe makes them within a second. */
export const SUBSCRIPTION_EVENT_TYPES = [
  'customer.subscription.created',
  'customer.subscription.updated',
  'customer.subscription.deleted',
] as const;

type SubscriptionEventType = (typeof SUBSCRIPTION_EVENT_TYPES)[number];

/** An event of Stripe, as far as it decides the plan of an account. */
export interface SubscriptionEvent {
  readonly id: string;
  readonly type: SubscriptionEventType;
  /** The time of the change at Stripe. */
  readonly createTime: Date;
  readonly subscriptionId: string;
  readonly accountId: string;
  /** `pending`: the first payment is still missing. `ended`: also one that is paused or stays unpaid. */
  readonly state: 'active' | 'pending' | 'ended';
  /** The plan that metadata name. undefined: none do. */
  readonly planId: string | undefined;
  /** Names of prices. The first that is the id of a plan counts if metadata name none. */
  readonly lookupKeys: readonly string[];
}

const metadata = z.record(z.string(), z.string());
const stripeId = z.string().regex(/^[A-Za-z0-9_]{1,255}$/);

const event = z.object({
  id: stripeId,
  type: z.string().max(255),
  created: z.int().min(0).max(99_999_999_999),
  data: z.object({ object: z.unknown() }),
});

const subscription = z.object({
  id: stripeId,
  status: z.string(),
  metadata,
  // An id, unless somebody in between has expanded it.
  customer: z.union([z.string(), z.object({ metadata: metadata.optional() })]),
  items: z.object({
    data: z.array(z.object({ price: z.object({ lookup_key: z.string().nullish(), metadata: metadata.optional() }) })),
  }),
});

/** https://docs.stripe.com/api/subscriptions/object#subscription_object-status */
const STATES: Readonly<Record<string, SubscriptionEvent['state']>> = {
  active: 'active',
  trialing: 'active',
  past_due: 'active',
  incomplete: 'pending',
};

export type ReadEvent =
  | { readonly kind: 'subscription'; readonly event: SubscriptionEvent }
  /** Weir has nothing to do: it has another type, or is about a subscription that names no account. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'malformed' };

/** Reads the body of an event. */
export function readSubscriptionEvent(body: string): ReadEvent {
  const parsed = event.safeParse(parseJson(body));
  if (!parsed.success) return { kind: 'malformed' };
  const { id, type, created, data } = parsed.data;
  if (!isHandled(type)) return { kind: 'foreign' };
  const read = subscription.safeParse(data.object);
  if (!read.success) return { kind: 'malformed' };
  const { customer, items, status, ...own } = read.data;
  const ofCustomer = typeof customer === 'string' ? undefined : customer.metadata;
  const accountId = own.metadata.weir_account ?? ofCustomer?.weir_account;
  if (accountId === undefined) return { kind: 'foreign' };
  const prices = items.data.map(({ price }) => price);
  return {
    kind: 'subscription',
    event: {
      id,
      type,
      createTime: new Date(created * 1000),
      subscriptionId: own.id,
      accountId,
      state: type === 'customer.subscription.deleted' ? 'ended' : (STATES[status] ?? 'ended'),
      planId: own.metadata.weir_plan ?? prices.find((price) => price.metadata?.weir_plan)?.metadata?.weir_plan,
      lookupKeys: prices.flatMap(({ lookup_key }) => lookup_key ?? []),
    },
  };
}

function isHandled(type: string): type is SubscriptionEventType {
  return SUBSCRIPTION_EVENT_TYPES.some((handled) => handled === type);
}
