import { defineEntity, p } from '@mikro-orm/core';

/** An event of Stripe that was handled, so that it is not handled again. Written by SQL. */
export const StripeEventEntity = defineEntity({
  name: 'StripeEventEntity',
  tableName: 'stripe_event',
  properties: {
    id: p.text().primary(),
    type: p.text(),
    /** The time of the change at Stripe. */
    createTime: p.datetime(),
    handleTime: p.datetime(),
  },
});

/** A subscription at Stripe, as its latest event described it. Written by SQL. */
export const StripeSubscriptionEntity = defineEntity({
  name: 'StripeSubscriptionEntity',
  tableName: 'stripe_subscription',
  properties: {
    id: p.text().primary(),
    accountId: p.text(),
    /** Null: the subscription has ended. The plan may have been deleted since. */
    planId: p.text().nullable().strictNullable(),
    /** The time of that event. */
    eventTime: p.datetime(),
    /** Orders events of one second: created, updated, deleted. */
    eventStage: p.integer(),
  },
});
