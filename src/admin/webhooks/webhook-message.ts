import type { DeliveryState, WebhookEntity } from '../../database/outbox/webhook-entities.ts';
import {
  WebhookDelivery_State as State,
  Webhook,
  type WebhookDelivery,
} from '../../generated/weir/admin/v1/webhook_service.ts';
import { formatEtag } from '../fields/etag.ts';
import type { DeliveryRow } from './delivery-list.ts';

/** Stands for the webhook of a request that has none: no field is set. */
export const EMPTY_WEBHOOK: Webhook = Webhook.create();

export function toWebhookMessage(row: WebhookEntity, now: Date): Webhook {
  const { formerSecretExpireTime: end } = row;
  return {
    name: `webhooks/${row.id}`,
    displayName: row.displayName,
    url: row.url,
    eventTypes: [...row.eventTypes],
    disabled: row.disabled,
    disableReason: row.disableReason,
    lastDeliveryTime: row.lastDeliveryTime ?? undefined,
    formerSecretExpireTime: end !== null && end > now ? end : undefined,
    createTime: row.createTime,
    updateTime: row.updateTime,
    etag: formatEtag(row),
  };
}

const STATES: Readonly<Record<DeliveryState, State>> = {
  pending: State.PENDING,
  delivered: State.DELIVERED,
  failed: State.FAILED,
};

export function toDeliveryMessage({ delivery, event }: DeliveryRow): WebhookDelivery {
  const isPending = delivery.state === 'pending';
  return {
    name: `webhooks/${delivery.webhookId}/deliveries/${delivery.id}`,
    eventId: event.id,
    eventType: event.type,
    resource: event.resource,
    state: STATES[delivery.state],
    attempts: delivery.attempts,
    responseStatus: delivery.responseStatus ?? 0,
    error: delivery.error,
    createTime: event.createTime,
    lastAttemptTime: delivery.lastAttemptTime ?? undefined,
    nextAttemptTime: isPending ? delivery.nextAttemptTime : undefined,
  };
}
