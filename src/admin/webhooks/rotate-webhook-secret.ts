import type { EntityManager } from '@mikro-orm/postgresql';
import type { WebhookEntity } from '../../database/outbox/webhook-entities.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import { parseDuration } from '../../domain/limits/duration.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import type {
  RotateWebhookSecretRequest,
  RotateWebhookSecretResponse,
} from '../../generated/weir/admin/v1/webhook_service.ts';
import type { TextSealer } from '../../identity/secrets/text-sealer.ts';
import { generateWebhookSecret } from '../../identity/secrets/webhook-secret.ts';
import { flushOrConflict } from '../fields/etag.ts';
import { toWebhookMessage } from './webhook-message.ts';

const DEFAULT_OVERLAP = '24h';
const MAX_OVERLAP_SECONDS = 30 * 86_400;

/** Replaces the secret of a webhook. The former one signs as well until the overlap ends. */
export async function rotateWebhookSecret(
  em: EntityManager,
  row: WebhookEntity,
  { name, overlap }: RotateWebhookSecretRequest,
  {
    webhookSealer,
    isSealingSecretShared,
  }: { readonly webhookSealer: TextSealer; readonly isSealingSecretShared: boolean },
): Promise<RotateWebhookSecretResponse> {
  const seconds = parseDuration(overlap || DEFAULT_OVERLAP);
  if (seconds === undefined || seconds > MAX_OVERLAP_SECONDS) {
    const description = withFound('must be a whole number and a unit, such as 30m or 24h, and at most 30d', overlap);
    throw invalidArgument({ field: 'overlap', description });
  }
  if (!isSealingSecretShared) {
    throw new ApiError({ kind: 'precondition', reason: 'SIGNING_KEY_SECRET_MISSING', name });
  }
  const [secret, now] = [generateWebhookSecret(), new Date()];
  // A secret that this node cannot read would fail all deliveries of the overlap.
  const isReadable = webhookSealer.open(row.id, row.sealedSecret) !== undefined;
  em.assign(row, {
    formerSealedSecret: isReadable ? row.sealedSecret : null,
    formerSecretExpireTime: isReadable ? new Date(now.getTime() + seconds * 1000) : null,
    sealedSecret: webhookSealer.seal(row.id, secret),
  });
  await flushOrConflict(em, name);
  return { webhook: toWebhookMessage(row, now), secret };
}
