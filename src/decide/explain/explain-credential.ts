import type { CredentialFault } from '../../domain/credentials/credential-fault.ts';
import type { DenialCode } from '../../domain/denial.ts';
import type { TokenFault } from '../../domain/tokens/compact-token.ts';
import { explainRejectedToken } from '../../domain/tokens/explain-rejected-token.ts';
import { showClaim } from '../../domain/tokens/show-claim.ts';
import type { VerifiedToken } from '../../domain/tokens/token.ts';
import type { ProvenIdentity, ResolvedIdentity } from '../check/authenticate.ts';
import type { CheckQuestion } from '../check/check-question.ts';
import { findCredential } from '../check/find-credential.ts';
import type { Catalog, KeyRecord } from '../ports.ts';

/**
 * Explains to an administrator what is wrong with the credential of a Check: what was expected and what was found. Never
 * repeats the credential. `ownIssuer` is the claim `iss` of Weir's own tokens. undefined: nothing is wrong with it, or the code of the denial says it all.
 */
export function explainCredential(
  question: CheckQuestion,
  identity: ResolvedIdentity,
  catalog: Catalog,
  ownIssuer: string,
): string | undefined {
  if (identity.kind !== 'denied') return undefined;
  const { code, fault, proven } = identity;
  if (code === 'missing_feature' && proven !== undefined) return explainFeatures(question, proven, catalog);
  if (code === 'forbidden_network') {
    return `allowed_networks: must contain the client's address (got ${showClaim(question.sourceAddress)})`;
  }
  if (code === 'blocked_account' && proven !== undefined) return explainBlock(proven, catalog);
  if (proven !== undefined) return explainProven(code, fault, proven);
  const secret = findCredential(question)?.secret ?? '';
  // Only the form of a credential has a message for its sender, and that message says it all.
  if (fault?.message !== undefined) return fault.message;
  if (fault?.name === 'unknown_api_key') return 'api_key: no API key has this secret';
  const tokenFault = code === 'expired_credential' ? 'expired' : fault?.name;
  if (tokenFault === undefined) return undefined;
  return explainRejectedToken(tokenFault as TokenFault, secret, catalog.trust, ownIssuer); // all others have a message
}

/** Explains what is wrong with a known API key, or with a token whose signature is valid. */
function explainProven(
  code: DenialCode,
  fault: CredentialFault | undefined,
  { credential, planId }: ProvenIdentity,
): string | undefined {
  if (fault?.name === 'unknown_plan') return `plan: expected a plan of the catalog, found ${showClaim(planId)}`;
  if (isKey(credential)) {
    return code === 'expired_credential'
      ? `expires_at: the API key expired at ${formatTime(credential.expiresAt)}`
      : undefined;
  }
  switch (fault?.name) {
    case 'not_yet_valid':
      return `nbf: the token is not valid before ${formatTime(credential.notBefore)}`;
    case 'unknown_account':
      return `account: expected an account of the catalog, found ${showClaim(credential.accountId)}`;
    case 'no_plan':
      return 'plan: expected a plan in the token, its account or its issuer, or limits in the token, found nothing';
    default:
      return explainStanding(code, credential);
  }
}

function explainStanding(
  code: DenialCode,
  { expiresAt, tokenId, sessionId, accountId }: VerifiedToken,
): string | undefined {
  if (code === 'expired_credential') return `exp: the token expired at ${formatTime(expiresAt)}`;
  if (code !== 'revoked_credential') return undefined;
  return `a revocation names the token (jti ${showClaim(tokenId)}), its session (sid ${showClaim(sessionId)}) or its account (${showClaim(accountId)})`;
}

function explainFeatures(
  { requiredFeatures }: CheckQuestion,
  { credential, planId }: ProvenIdentity,
  catalog: Catalog,
) {
  const own = isKey(credential) ? credential.policy.features : credential.features;
  const ofPlan = (planId === undefined ? undefined : catalog.plan(planId))?.features ?? [];
  return `features: expected ${showClaim(requiredFeatures)}, found ${showClaim([...new Set([...own, ...ofPlan])])}`;
}

function explainBlock({ credential }: ProvenIdentity, catalog: Catalog): string {
  const state = isKey(credential) ? credential.accountState : catalog.account(credential.accountId);
  return `account: it is blocked until ${formatTime(state?.blockEndsAt)}`;
}

function isKey(credential: KeyRecord | VerifiedToken): credential is KeyRecord {
  return 'policy' in credential;
}

/** `time` is Unix time in ms. */
function formatTime(time: number | undefined): string {
  return time === undefined || !Number.isFinite(time) ? 'an unknown time' : new Date(time).toISOString();
}
