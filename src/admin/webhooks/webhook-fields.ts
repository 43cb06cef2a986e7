import type { WebhookEntity } from '../../database/outbox/webhook-entities.ts';
import { EVENT_TYPES } from '../../domain/event-types.ts';
import { type HostList, hasHost } from '../../domain/issuers/key-url.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import type { Webhook } from '../../generated/weir/admin/v1/webhook_service.ts';
import { leadsToPrivateAddress } from '../../outbound/pinned-request.ts';
import { checkDisplayName, readUpdateMask } from '../fields/common-fields.ts';
import { FieldViolations } from '../fields/field-violations.ts';

/** The columns of a webhook that callers set. */
export type WebhookFields = Pick<WebhookEntity, 'displayName' | 'url' | 'eventTypes' | 'disabled'>;

const MAX_URL_LENGTH = 2_048;
const MAX_LOOKUP_MS = 2_000;

/** `*`, `key.*` and the like for each group of types, and the types. */
const SUBSCRIPTIONS: ReadonlySet<string> = new Set([
  '*',
  ...EVENT_TYPES.map((type) => type.replace(/\..*$/, '.*')),
  ...EVENT_TYPES,
]);

/** The fields of a new webhook. Throws `invalid`. */
export async function readWebhookFields(webhook: Webhook, privateHosts: HostList): Promise<WebhookFields> {
  const violations = new FieldViolations();
  const { displayName, url, eventTypes, disabled } = webhook;
  checkDisplayName(violations, 'webhook.display_name', displayName);
  await checkUrl(violations, url, privateHosts);
  checkEventTypes(violations, eventTypes);
  violations.throwIfAny();
  return { displayName, url, eventTypes, disabled };
}

/** The changes of an update: the fields that its mask names, or without a mask those that are set. Throws `invalid`. */
export async function readWebhookChanges(
  webhook: Webhook,
  updateMask: string,
  privateHosts: HostList,
): Promise<Partial<WebhookFields>> {
  const violations = new FieldViolations();
  const { displayName, url, eventTypes, disabled } = webhook;
  const updated = readUpdateMask(violations, updateMask, {
    displayName: displayName !== '',
    url: url !== '',
    eventTypes: eventTypes.length > 0,
    disabled,
  });
  if (updated.has('displayName')) checkDisplayName(violations, 'webhook.display_name', displayName);
  if (updated.has('url')) await checkUrl(violations, url, privateHosts);
  if (updated.has('eventTypes')) checkEventTypes(violations, eventTypes);
  violations.throwIfAny();
  return {
    ...(updated.has('displayName') && { displayName }),
    ...(updated.has('url') && { url }),
    ...(updated.has('eventTypes') && { eventTypes }),
    ...(updated.has('disabled') && { disabled }),
  };
}

/** The URL may have a secret in its path, so no violation repeats it. */
async function checkUrl(violations: FieldViolations, text: string, privateHosts: HostList): Promise<void> {
  const url = text.length <= MAX_URL_LENGTH && URL.canParse(text) ? new URL(text) : undefined;
  const isPrivate = url !== undefined && hasHost(privateHosts, url);
  const isAllowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && isPrivate);
  if (url === undefined || !isAllowed) {
    const expected = `must be an https URL of at most ${MAX_URL_LENGTH} characters`;
    violations.add('webhook.url', `${expected}, or an http URL of a host in WEBHOOK_PRIVATE_HOSTS`);
    return;
  }
  if (url.username !== '' || url.password !== '')
    violations.add('webhook.url', 'must not contain a user name or a password');
  if (url.hash !== '') violations.add('webhook.url', 'must not have a fragment');
  // Each delivery checks the addresses again: those of a name can change.
  if (!isPrivate && (await leadsToPrivateAddress(url, AbortSignal.timeout(MAX_LOOKUP_MS)))) {
    violations.add('webhook.url', 'must have public addresses only, or its host must be in WEBHOOK_PRIVATE_HOSTS');
  }
}

function checkEventTypes(violations: FieldViolations, eventTypes: readonly string[]): void {
  if (eventTypes.length === 0) violations.add('webhook.event_types', 'must have at least one type');
  for (const [index, type] of eventTypes.entries()) {
    const field = `webhook.event_types[${index}]`;
    if (!SUBSCRIPTIONS.has(type))
      violations.add(field, withFound(`must be one of ${[...SUBSCRIPTIONS].join(', ')}`, type));
    else if (eventTypes.indexOf(type) < index) violations.add(field, withFound('must not be repeated', type));
  }
}
