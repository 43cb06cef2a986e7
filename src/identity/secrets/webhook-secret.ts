import { randomBytes } from 'node:crypto';

/** Standard Webhooks demands 24 to 64. */
const RANDOM_BYTES = 32;

/** Generates a secret that signs deliveries, in the form of Standard Webhooks: `whsec_` and base64. */
export function generateWebhookSecret(): string {
  return `whsec_${randomBytes(RANDOM_BYTES).toString('base64')}`;
}
