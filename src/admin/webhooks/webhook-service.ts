import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import { tryLockUntilCommit } from '../../database/advisory-locks.ts';
import type { Database } from '../../database/open-database.ts';
import { WebhookEntity } from '../../database/outbox/webhook-entities.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { HostList } from '../../domain/issuers/key-url.ts';
import type {
  CreateWebhookResponse,
  UpdateWebhookRequest,
  Webhook,
  WebhookServiceService,
} from '../../generated/weir/admin/v1/webhook_service.ts';
import type { TextSealer } from '../../identity/secrets/text-sealer.ts';
import { generateWebhookSecret } from '../../identity/secrets/webhook-secret.ts';
import { type Authenticate, requireAdmin } from '../callers/caller.ts';
import { flushOrConflict, requireCurrentEtag } from '../fields/etag.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { readResourceName, requireResourceName } from '../fields/resource-names.ts';
import { readPage, splitPage } from '../lists/paging.ts';
import type { Handlers } from '../methods/unary-service.ts';
import { createTestDelivery, findDeliveries } from './delivery-list.ts';
import { rotateWebhookSecret } from './rotate-webhook-secret.ts';
import { readWebhookChanges, readWebhookFields } from './webhook-fields.ts';
import { EMPTY_WEBHOOK, toDeliveryMessage, toWebhookMessage } from './webhook-message.ts';

interface WebhookReaderOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
}

export interface WebhookServiceOptions extends WebhookReaderOptions {
  readonly webhookSealer: TextSealer;
  /** Whether all nodes can open what this node seals. */
  readonly isSealingSecretShared: boolean;
  readonly webhookPrivateHosts: HostList;
}

/** Each occupies a few connections of every node. */
const MAX_WEBHOOKS = 50;
/** Webhooks are created one after the other. */
const MAX_TURN_WAIT_MS = 20_000;
const MIN_TURN_WAIT_MS = 20;

/** The methods of WebhookService that change nothing. */
export function createWebhookReader({ database, authenticate }: WebhookReaderOptions) {
  return {
    async getWebhook({ name }, context) {
      requireAdmin(await authenticate(context));
      return toWebhookMessage(await findWebhook(database.em.fork(), 'name', name), new Date());
    },

    async listWebhooks(request, context) {
      requireAdmin(await authenticate(context));
      const violations = new FieldViolations();
      const page = readPage(violations, { method: 'WebhookService/ListWebhooks', ids: 'webhooks' }, request);
      violations.throwIfAny();
      const options = { orderBy: { id: 'asc' }, limit: page.size + 1 } as const;
      const rows = await database.em.fork().find(WebhookEntity, { id: { $gt: page.after } }, options);
      const { items, nextPageToken } = splitPage(rows, page);
      const now = new Date();
      return { webhooks: items.map((row) => toWebhookMessage(row, now)), nextPageToken };
    },

    async listWebhookDeliveries(request, context) {
      requireAdmin(await authenticate(context));
      const violations = new FieldViolations();
      const webhookId = readResourceName(violations, 'webhooks', 'parent', request.parent);
      const page = readPage(violations, { method: 'WebhookService/ListWebhookDeliveries', ids: 'deliveries' }, request);
      violations.throwIfAny();
      const em = database.em.fork();
      await findWebhook(em, 'parent', request.parent);
      const rows = await findDeliveries(em, { webhookId, before: page.after, limit: page.size + 1 });
      const { items, nextPageToken } = splitPage(
        rows.map((row) => ({ ...row, id: row.delivery.id })),
        page,
      );
      return { deliveries: items.map(toDeliveryMessage), nextPageToken };
    },
  } satisfies Partial<Handlers<WebhookServiceService>>;
}

/** Manages webhooks. For administrators only: events are about all accounts. */
export function createWebhookService(options: WebhookServiceOptions): Handlers<WebhookServiceService> {
  const { database, authenticate } = options;
  return {
    ...createWebhookReader(options),

    async createWebhook({ webhook = EMPTY_WEBHOOK }, context) {
      requireAdmin(await authenticate(context));
      return createWebhook(webhook, options);
    },

    async updateWebhook(request, context) {
      requireAdmin(await authenticate(context));
      return updateWebhook(request, options);
    },

    async deleteWebhook({ name }, context) {
      requireAdmin(await authenticate(context));
      const em = database.em.fork();
      em.remove(await findWebhook(em, 'name', name));
      await flushOrConflict(em, name);
      return {};
    },

    async rotateWebhookSecret(request, context) {
      requireAdmin(await authenticate(context));
      const em = database.em.fork();
      const row = await findWebhook(em, 'name', request.name);
      return rotateWebhookSecret(em, row, request, options);
    },

    async sendTestEvent({ name }, context) {
      requireAdmin(await authenticate(context));
      return database.em.fork().transactional(async (em) => {
        const { id, disabled } = await findWebhook(em, 'name', name);
        if (disabled) throw new ApiError({ kind: 'precondition', reason: 'WEBHOOK_DISABLED', name });
        return toDeliveryMessage(await createTestDelivery(em, id));
      });
    },
  };
}

async function createWebhook(webhook: Webhook, options: WebhookServiceOptions): Promise<CreateWebhookResponse> {
  const { database, webhookSealer, isSealingSecretShared, webhookPrivateHosts } = options;
  const fields = await readWebhookFields(webhook, webhookPrivateHosts);
  if (!isSealingSecretShared) {
    throw new ApiError({ kind: 'precondition', reason: 'SIGNING_KEY_SECRET_MISSING', name: 'webhooks/-' });
  }
  const [id, secret] = [randomUUID(), generateWebhookSecret()];
  const insert = async (em: EntityManager): Promise<CreateWebhookResponse | undefined> => {
    // Two calls at once must not create more than there may be.
    if (!(await tryLockUntilCommit(em, 'webhooks'))) return undefined;
    if ((await em.count(WebhookEntity)) >= MAX_WEBHOOKS) {
      throw new ApiError({ kind: 'precondition', reason: 'TOO_MANY_WEBHOOKS', name: 'webhooks/-' });
    }
    const unset = { formerSealedSecret: null, formerSecretExpireTime: null, lastDeliveryTime: null };
    const row = em.create(WebhookEntity, { id, sealedSecret: webhookSealer.seal(id, secret), ...fields, ...unset });
    await em.flush();
    return { webhook: toWebhookMessage(row, new Date()), secret };
  };
  const giveUpAt = performance.now() + MAX_TURN_WAIT_MS;
  while (performance.now() < giveUpAt) {
    const created = await database.em.fork().transactional(insert);
    if (created !== undefined) return created;
    await sleep(MIN_TURN_WAIT_MS * (1 + Math.random()));
  }
  throw new ApiError({ kind: 'unavailable' });
}

async function updateWebhook(
  { webhook = EMPTY_WEBHOOK, updateMask }: UpdateWebhookRequest,
  { database, webhookPrivateHosts }: WebhookServiceOptions,
): Promise<Webhook> {
  const { name } = webhook;
  requireResourceName('webhooks', 'webhook.name', name);
  const changes = await readWebhookChanges(webhook, updateMask, webhookPrivateHosts);
  return database.em.fork().transactional(async (em) => {
    const row = await findWebhook(em, 'webhook.name', name);
    requireCurrentEtag(webhook, row);
    const isEnabled = row.disabled && changes.disabled === false;
    em.assign(row, { ...changes, ...(isEnabled && { disableReason: '' }) });
    await flushOrConflict(em, name);
    if (isEnabled) await restartDeliveries(em, row.id);
    return toWebhookMessage(row, new Date());
  });
}

/** Gives the deliveries that wait a whole retry period again. */
async function restartDeliveries(em: EntityManager, webhookId: string): Promise<void> {
  await em.execute(
    `update webhook_delivery set attempts = 0, first_attempt_time = null, next_attempt_time = clock_timestamp()
     where webhook_id = ? and state = 'pending'`,
    [webhookId],
  );
}

async function findWebhook(em: EntityManager, field: string, name: string): Promise<WebhookEntity> {
  const row = await em.findOne(WebhookEntity, { id: requireResourceName('webhooks', field, name) });
  if (row === null) throw new ApiError({ kind: 'not_found', name });
  return row;
}
