import type { EntityManager } from '@mikro-orm/postgresql';
import type { EventType } from '../../domain/event-types.ts';

/** An event for webhooks. */
export interface NewEvent {
  readonly type: EventType;
  /** Must hold no secret: it is stored as it is, and ListWebhookDeliveries shows it. */
  readonly data: Readonly<Record<string, unknown>>;
  /** The name of the resource that the event is about. */
  readonly resource?: string;
  /** The account, as `x-weir-account` names it. */
  readonly account?: string;
  /** The same event has the same id, so that it is published once. undefined: a new UUID. */
  readonly id?: string;
  readonly secret?: SealedEventSecret;
}

/** A secret that is part of an event. It is erased when the event has been delivered or the secret has expired. */
export interface SealedEventSecret {
  /** Encrypted for the id of the event. */
  readonly sealed: string;
  readonly expireTime: Date;
}

const PUBLISH = `
  select publish_event(type => ?, data => ?::jsonb, resource => ?, account => ?, id => ?, sealed_secret => ?,
    secret_expire_time => ?)`;

/**
 * Publishes an event to the webhooks that want it. Call it in the transaction of the change that it reports: the event then
 * exists if the change does. An event that no webhook wants, or whose id was published before, has no effect.
 */
export async function publishEvent(em: EntityManager, event: NewEvent): Promise<void> {
  const { type, data, resource = '', account = null, id = null, secret } = event;
  await em.execute(PUBLISH, [
    ...[type, JSON.stringify(data), resource, account, id],
    ...[secret?.sealed ?? null, secret?.expireTime ?? null],
  ]);
}

/** Whether a webhook wants the events of a type. `hasSecret`: those that carry a secret. */
export async function isEventWanted(em: EntityManager, type: EventType, hasSecret: boolean): Promise<boolean> {
  const [row] = await em.execute<{ wanted: boolean }[]>('select is_event_wanted(?, ?) as wanted', [type, hasSecret]);
  return row?.wanted === true;
}
