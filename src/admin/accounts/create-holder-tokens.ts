import type { AccountEntity } from '../../database/entities/account-entity.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import { parseDuration } from '../../domain/limits/duration.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import type {
  CreateEmailVerificationResponse,
  CreatePasswordResetRequest,
  CreatePasswordResetResponse,
} from '../../generated/weir/admin/v1/account_service.ts';
import { createOneTimeToken } from '../auth/one-time-tokens.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { readResourceName, requireResourceName } from '../fields/resource-names.ts';
import { lockAccount } from './account-rows.ts';

const DEFAULT_RESET_TTL = '1h';
const MAX_RESET_SECONDS = 7 * 86_400;
const VERIFICATION_SECONDS = 86_400;

/** Creates a token that sets a new password. */
export async function createPasswordReset(
  { name, ttl }: CreatePasswordResetRequest,
  database: Database,
): Promise<CreatePasswordResetResponse> {
  const violations = new FieldViolations();
  const id = readResourceName(violations, 'accounts', 'name', name);
  const lifetimeSeconds = parseDuration(ttl || DEFAULT_RESET_TTL) ?? 0;
  if (lifetimeSeconds === 0 || lifetimeSeconds > MAX_RESET_SECONDS) {
    violations.add('ttl', withFound('must be a whole number and a unit, such as 30m or 1h, and at most 7d', ttl));
  }
  violations.throwIfAny();
  return database.em.fork().transactional(async (em) => {
    requireEmail(await lockAccount(em, id));
    const token = { kind: 'password_reset', accountId: id, email: null, lifetimeSeconds } as const;
    const { text, expireTime } = await createOneTimeToken(em, token);
    return { resetToken: text, expireTime };
  });
}

/** Creates a token that verifies the e-mail address of an account: the one that waits for it, if there is one. */
export async function createEmailVerification(
  name: string,
  database: Database,
): Promise<CreateEmailVerificationResponse> {
  const id = requireResourceName('accounts', 'name', name);
  return database.em.fork().transactional(async (em) => {
    const row = await lockAccount(em, id);
    const email = row.pendingEmail ?? requireEmail(row);
    const token = { kind: 'email_verification', accountId: id, email, lifetimeSeconds: VERIFICATION_SECONDS } as const;
    const { text, expireTime } = await createOneTimeToken(em, token);
    return { token: text, expireTime, email };
  });
}

function requireEmail({ id, email }: AccountEntity): string {
  if (email === null) throw new ApiError({ kind: 'precondition', reason: 'EMAIL_MISSING', name: `accounts/${id}` });
  return email;
}
