import { randomUUID } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { OneTimeTokenKind } from '../../database/entities/sign-in-entities.ts';
import { isEventWanted, publishEvent } from '../../database/outbox/publish-event.ts';
import type { TokenEventType } from '../../domain/event-types.ts';
import type { AuthParts } from './auth-parts.ts';
import { createOneTimeToken } from './one-time-tokens.ts';

/** Lifetimes of the tokens that webhooks get, in seconds: a day to verify an address, an hour to reset a password. */
const LIFETIME_SECONDS: Readonly<Record<OneTimeTokenKind, number>> = {
  email_verification: 86_400,
  password_reset: 3_600,
};

const EVENT_TYPES = {
  email_verification: 'email_verification.requested',
  password_reset: 'password_reset.requested',
} as const satisfies Record<OneTimeTokenKind, TokenEventType>;

/** The holder of an account, who needs a token. */
export interface TokenReceiver {
  readonly kind: OneTimeTokenKind;
  readonly accountId: string;
  /** The address to send the token to, and to verify with it if it is one for that. */
  readonly email: string;
}

/**
 * Creates a token and publishes it to the webhooks that send it by e-mail. Call it in the transaction of the change. Without
 * such a webhook, there is only a line in the log: an administrator creates the token (AccountService) and passes it on.
 */
export async function sendOneTimeToken(
  em: EntityManager,
  { kind, accountId, email }: TokenReceiver,
  { eventSealer, log }: Pick<AuthParts, 'eventSealer' | 'log'>,
): Promise<void> {
  const type = EVENT_TYPES[kind];
  if (!(await isEventWanted(em, type, true))) {
    log.info({ type, account: accountId }, 'the holder of an account needs a one-time token');
    return;
  }
  const verified = kind === 'email_verification' ? email : null;
  const token = { kind, accountId, email: verified, lifetimeSeconds: LIFETIME_SECONDS[kind] };
  const { text, expireTime } = await createOneTimeToken(em, token);
  const [id, account] = [randomUUID(), `accounts/${accountId}`];
  await publishEvent(em, {
    ...{ id, type, account: accountId, resource: account },
    data: { account, email, expireTime },
    secret: { sealed: eventSealer.seal(id, text), expireTime },
  });
}
