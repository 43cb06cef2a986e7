import type { EntityManager } from '@mikro-orm/postgresql';
import type { Database } from '../open-database.ts';
import { publishEvent } from './publish-event.ts';

/**
 * Disables a webhook that fails, and publishes that to the others. Returns false if it is disabled already, or has accepted
 * another delivery within `aliveMs`; then only some of its deliveries fail.
 */
export async function disableFailingWebhook(
  database: Database,
  { webhookId, reason, aliveMs }: { readonly webhookId: string; readonly reason: string; readonly aliveMs: number },
): Promise<boolean> {
  return database.em.fork().transactional(async (em) => {
    const webhook = await disable(em, webhookId, reason, aliveMs);
    if (webhook === undefined) return false;
    const { url, displayName } = webhook;
    const name = `webhooks/${webhookId}`;
    await publishEvent(em, { type: 'webhook.disabled', resource: name, data: { name, displayName, url, reason } });
    return true;
  });
}

async function disable(em: EntityManager, id: string, reason: string, aliveMs: number) {
  const [webhook] = await em.execute<{ url: string; displayName: string }[]>(
    `update webhook set disabled = true, disable_reason = ?, version = version + 1, update_time = clock_timestamp()
     where id = ? and not disabled and coalesce(last_delivery_time, '-infinity') < clock_timestamp() - ? * interval '1 ms'
     returning url, display_name as "displayName"`,
    [reason, id, aliveMs],
  );
  return webhook;
}
