import type { InferEntity } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { OutboxEventEntity, WebhookDeliveryEntity } from '../../database/outbox/webhook-entities.ts';

/** A delivery and its event. */
export interface DeliveryRow {
  readonly delivery: WebhookDeliveryEntity;
  readonly event: InferEntity<typeof OutboxEventEntity>;
}

/** Finds the deliveries of a webhook, the newest first. `before` is the id of a delivery; empty: from the newest. */
export async function findDeliveries(
  em: EntityManager,
  { webhookId, before, limit }: { readonly webhookId: string; readonly before: string; readonly limit: number },
): Promise<readonly DeliveryRow[]> {
  const where = { webhookId, ...(before !== '' && { id: { $lt: before } }) };
  return addEvents(em, await em.find(WebhookDeliveryEntity, where, { orderBy: { id: 'desc' }, limit }));
}

async function addEvents(
  em: EntityManager,
  deliveries: readonly WebhookDeliveryEntity[],
): Promise<readonly DeliveryRow[]> {
  const events = await em.find(OutboxEventEntity, { id: { $in: deliveries.map(({ eventId }) => eventId) } });
  const byId = new Map(events.map((event) => [event.id, event]));
  return deliveries.flatMap((delivery) => {
    const event = byId.get(delivery.eventId); // purged in between if it is missing, with its deliveries
    return event === undefined ? [] : [{ delivery, event }];
  });
}

/** Publishes an event of the type `webhook.test` to one webhook. */
export async function createTestDelivery(em: EntityManager, webhookId: string): Promise<DeliveryRow> {
  const resource = `webhooks/${webhookId}`;
  const [created] = await em.execute<{ id: string }[]>(
    `with published as (
       insert into outbox_event (id, type, resource, data, create_time)
       values (audit_event_id(clock_timestamp())::text, 'webhook.test', ?, ?::jsonb, clock_timestamp()) returning id
     )
     insert into webhook_delivery (webhook_id, event_id) select ?, id from published returning id`,
    [resource, JSON.stringify({ name: resource }), webhookId],
  );
  const delivery = await em.findOneOrFail(WebhookDeliveryEntity, { id: created?.id ?? '' });
  const [row] = await addEvents(em, [delivery]);
  if (row === undefined) throw new Error('the test event must be in the transaction that has created it');
  return row;
}
