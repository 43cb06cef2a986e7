import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import { times } from '../entities/entity-times.ts';

/** A URL that gets events. */
export const WebhookEntity = defineEntity({
  name: 'WebhookEntity',
  tableName: 'webhook',
  properties: {
    id: p.text().primary(),
    displayName: p.text().default(''),
    url: p.text(),
    /** Event types, and `key.*` or `*` for all that carry no secret. */
    eventTypes: p.json<readonly string[]>(),
    /** The secret that signs deliveries, encrypted. */
    sealedSecret: p.text().hidden(),
    /** The secret that it replaced, which signs as well until `formerSecretExpireTime`; null: there is none. */
    formerSealedSecret: p.text().nullable().strictNullable().hidden(),
    formerSecretExpireTime: p.datetime().nullable().strictNullable(),
    disabled: p.boolean().default(false),
    disableReason: p.text().default(''),
    /** To the minute; null: it has never accepted a delivery. Written by SQL, so that `version` stays the same. */
    lastDeliveryTime: p.datetime().nullable().strictNullable(),
    version: p.integer().version(),
    ...times,
  },
});
export type WebhookEntity = InferEntity<typeof WebhookEntity>;

/** An event that at least one webhook wanted. The function `publish_event` writes it, in the transaction of the change. */
export const OutboxEventEntity = defineEntity({
  name: 'OutboxEventEntity',
  tableName: 'outbox_event',
  properties: {
    id: p.text().primary(),
    type: p.text(),
    /** As `x-weir-account` names it; null: the event is about no account. */
    account: p.text().nullable().strictNullable(),
    /** A resource name. Empty: the event is about none. */
    resource: p.text(),
    data: p.json<Readonly<Record<string, unknown>>>(),
    createTime: p.datetime(),
  },
});

export type DeliveryState = 'pending' | 'delivered' | 'failed';

/** The delivery of an event to a webhook. The function `publish_event` creates it, the workers in src/webhooks change it. */
export const WebhookDeliveryEntity = defineEntity({
  name: 'WebhookDeliveryEntity',
  tableName: 'webhook_delivery',
  properties: {
    /** A UUID of version 7: it begins with the time. */
    id: p.uuid().primary(),
    webhookId: p.text(),
    eventId: p.text(),
    state: p.string().$type<DeliveryState>(),
    attempts: p.integer().default(0),
    /** When the retry period began; null: there was no attempt yet. */
    firstAttemptTime: p.datetime().nullable().strictNullable(),
    lastAttemptTime: p.datetime().nullable().strictNullable(),
    /** While a worker delivers, the time at which others may take over. */
    nextAttemptTime: p.datetime(),
    /** The HTTP status of the last attempt; null: there was no response. */
    responseStatus: p.integer().nullable().strictNullable(),
    /** Why the last attempt failed. Empty: it did not. */
    error: p.text().default(''),
    /** The one-time token in the event, encrypted. Null: there is none (any more). */
    sealedSecret: p.text().nullable().strictNullable().hidden(),
    secretExpireTime: p.datetime().nullable().strictNullable(),
    createTime: p.datetime(),
  },
});
export type WebhookDeliveryEntity = InferEntity<typeof WebhookDeliveryEntity>;
