/** The types of the events that webhooks get. docs/webhooks.md has an example of each. */
export const EVENT_TYPES = [
  'account.created',
  'account.updated',
  'account.disabled',
  'account.enabled',
  'account.blocked',
  'account.unblocked',
  'account.deleted',
  'email_verification.requested',
  'key.created',
  'key.expiring',
  'key.disabled',
  'key.enabled',
  'key.deleted',
  'limit.threshold',
  'password_reset.requested',
  'plan.changed',
  'usage.corrected',
  'usage.recorded',
  'webhook.disabled',
  'webhook.test',
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

/** Events that carry a one-time token. Webhooks get them only if they name the type. */
export type TokenEventType = 'email_verification.requested' | 'password_reset.requested';
