import type { ClaimedDelivery } from '../database/outbox/delivery-rows.ts';
import type { EventType } from '../domain/event-types.ts';

/** Types of CloudEvents that do not follow the pattern `weir.{type}.v1`: receivers know them under these names. */
const CLOUD_EVENT_TYPES: Partial<Record<EventType, string>> = {
  'usage.recorded': 'weir.usage.v1',
  'usage.corrected': 'weir.usage.correction.v1',
};

export type StoredEvent = Pick<ClaimedDelivery, 'eventId' | 'type' | 'account' | 'resource' | 'data' | 'createdAt'>;

/**
 * Builds the body of a delivery: a CloudEvent 1.0 in its JSON format. Each attempt has the same body. `token` is the one-time
 * token of the event; undefined: it has none.
 */
export function buildCloudEvent(event: StoredEvent, source: string, token: string | undefined): string {
  const { eventId, type, account, resource, data, createdAt } = event;
  return JSON.stringify({
    specversion: '1.0',
    id: eventId,
    source,
    type: CLOUD_EVENT_TYPES[type] ?? `weir.${type}.v1`,
    time: new Date(createdAt).toISOString(),
    ...(resource !== '' && { subject: resource }),
    ...(account !== null && { account }),
    datacontenttype: 'application/json',
    data: token === undefined ? data : { ...data, token },
  });
}
