import { nameActor, nameResource } from '../../database/audit/current-call.ts';
import { AccountEntity } from '../../database/entities/account-entity.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { LoginRequest, LoginResponse } from '../../generated/weir/admin/v1/auth_service.ts';
import { verifyPassword } from '../../identity/secrets/password.ts';
import { accountActor } from '../callers/name-caller-as-actor.ts';
import { isEmail } from '../fields/email.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { checkPresentedPassword } from '../fields/passwords.ts';
import type { CallContext } from '../methods/call-context.ts';
import type { AuthParts, SignInOutcome } from './auth-parts.ts';
import { checkTotpCode, useTotpCode } from './totp-codes.ts';

/** Signs in with a password. */
export async function signIn(
  { email, password, totpCode = '' }: LoginRequest,
  context: CallContext,
  parts: AuthParts,
): Promise<LoginResponse> {
  const { database, sessions, log, recordSignIn } = parts;
  checkLogin(email, password, totpCode);
  const account = await database.em.fork().findOne(AccountEntity, { email: email.toLowerCase() });
  if (account !== null) nameResource(`accounts/${account.id}`);
  // Never with the e-mail address, which is personal data, and where people also type passwords.
  const observe = (outcome: SignInOutcome) => {
    recordSignIn(outcome);
    const message = outcome === 'ok' ? 'sign-in succeeded' : 'sign-in failed';
    log.info({ requestId: context.requestId, peer: context.peer, account: account?.id, outcome }, message);
  };
  // Verifies a password for an unknown account as well, so that both failures take the same time.
  const isCorrect = await verifyPassword(password, findPasswordHash(account)).catch((error: unknown) => {
    if (error instanceof ApiError && error.reason.kind === 'busy') observe('busy');
    throw error;
  });
  if (account === null || !isCorrect) {
    observe('wrong_credentials');
    throw new ApiError({ kind: 'unauthenticated', reason: 'CREDENTIALS_INVALID' });
  }
  if (account.disabled) {
    observe('disabled');
    throw new ApiError({ kind: 'account_disabled' });
  }
  const totpLastStep = await useTotpCode(account, totpCode, parts).catch((error: unknown) => {
    const outcome = findTotpOutcome(error);
    if (outcome !== undefined) observe(outcome);
    throw error;
  });
  nameActor(accountActor(account.id));
  const answer = await sessions.start({ id: account.id, passwordHash: account.passwordHash, totpLastStep }, context);
  observe('ok');
  return answer;
}

function findTotpOutcome(error: unknown): SignInOutcome | undefined {
  if (!(error instanceof ApiError) || error.reason.kind !== 'unauthenticated') return undefined;
  return error.reason.reason === 'TOTP_REQUIRED' ? 'totp_required' : 'totp_invalid';
}

/** Null for an account that nobody can sign in to: the answer is then the same as for an unknown one. */
function findPasswordHash(account: AccountEntity | null): string | null {
  const canSignIn = account?.deleteTime === null && account.verifyBeforeTime === null;
  return canSignIn ? account.passwordHash : null;
}

/** The descriptions never repeat what was found: people type passwords into the wrong field. */
function checkLogin(email: string, password: string, totpCode: string): void {
  const violations = new FieldViolations();
  if (!isEmail(email)) violations.add('email', 'must be an e-mail address');
  checkPresentedPassword(violations, 'password', password);
  if (totpCode !== '') checkTotpCode(violations, 'totp_code', totpCode);
  violations.throwIfAny();
}
