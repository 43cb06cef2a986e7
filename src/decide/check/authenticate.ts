import { isInNetworks } from '../../domain/credentials/allowed-networks.ts';
import { API_KEY_PREFIX, isApiKey, keyStatus } from '../../domain/credentials/api-key.ts';
import type { DenialCode } from '../../domain/denial.ts';
import type { Plan } from '../../domain/limits/plan.ts';
import { looksLikeToken } from '../../domain/tokens/compact-token.ts';
import {
  requiresCatalogAccount,
  resolvePlanId,
  tokenStatus,
  type Verification,
  type VerifiedToken,
} from '../../domain/tokens/token.ts';
import type { NamedCharge } from '../named-charge.ts';
import type { Catalog, KeyRecord, TokenVerifier } from '../ports.ts';
import { cachedCharges } from './charge-cache.ts';
import type { CheckQuestion, CredentialHeader } from './check-question.ts';
import { NO_CHARGES } from './credential-charges.ts';
import { findCredential, type PresentedCredential } from './presented-credential.ts';

export interface AuthContext {
  readonly catalog: Catalog;
  readonly tokens: TokenVerifier;
}

/** The identity of a request, as far as memory knows it. */
export type Identity = ResolvedIdentity | UnverifiedIdentity;

export type ResolvedIdentity =
  | {
      readonly kind: 'authenticated';
      readonly credential: KeyRecord | VerifiedToken;
      /** undefined: the credential is a token. */
      readonly keyId: string | undefined;
      /** undefined: only the token's own limits are charged. */
      readonly planId: string | undefined;
      /** The header that carries the credential. undefined: the query carries it. */
      readonly header: CredentialHeader | undefined;
      readonly charges: readonly NamedCharge[];
    }
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'denied'; readonly code: DenialCode };

/** A token whose signature has to be verified first. */
export interface UnverifiedIdentity {
  readonly kind: 'unverified';
  readonly token: string;
}

const ANONYMOUS: Identity = { kind: 'anonymous' };

/**
 * Authenticates a request from memory. `verification` is that of the token that an earlier call returned as unverified.
 * `now` is Unix time in ms.
 */
export function authenticate(
  question: CheckQuestion,
  context: AuthContext,
  now: number,
  verification: Verification | undefined,
): Identity {
  // A request that cannot be charged as the route's owner wants does not pass: not for free, nor at a guessed cost.
  if (question.cost === undefined) return denied('invalid_configuration');
  const credential = findCredential(question);
  if (credential === undefined) {
    const mayBeAnonymous = question.allowsAnonymous && question.requiredFeatures.length === 0;
    // Browsers send no credential with a preflight. The request that follows must have what the route requires.
    return mayBeAnonymous || question.isAllowedPreflight ? ANONYMOUS : denied('missing_credential');
  }
  const { header, secret } = credential;
  if (isApiKey(secret)) return authenticateKey(question, credential, context.catalog, now);
  if (header !== 'authorization' || secret.startsWith(API_KEY_PREFIX)) return denied('malformed_credential');
  const verified = verification ?? context.tokens.cached(secret, now);
  if (verified !== undefined) return authenticateToken(question, verified, context.catalog, now);
  return looksLikeToken(secret) ? { kind: 'unverified', token: secret } : denied('malformed_credential');
}

function authenticateKey(
  question: CheckQuestion,
  { header, secret }: PresentedCredential,
  catalog: Catalog,
  now: number,
): Identity {
  if (catalog.isTooStale) return denied('catalog_stale');
  const key = catalog.keyBySecret(secret);
  if (key === undefined) return denied('unknown_credential');
  const status = keyStatus(key, now);
  if (status !== 'valid') return denied(`${status}_credential`);
  const plan = catalog.plan(key.planId);
  // A key of an unknown plan must not pass as unlimited.
  if (plan === undefined) return denied('unknown_credential');
  if (!isAllowedFrom(key, question)) return denied('forbidden_network');
  if (!hasFeatures(key.policy.features, plan, question)) return denied('missing_feature');
  const charges = chargesFor(question, key, plan);
  return { kind: 'authenticated', credential: key, keyId: key.id, planId: key.planId, header, charges };
}

/** Checks on every request whatever a token can lose after it was signed. */
function authenticateToken(
  question: CheckQuestion,
  verification: Verification,
  catalog: Catalog,
  now: number,
): Identity {
  if (verification.kind === 'unavailable') return denied('verification_unavailable');
  if (verification.kind === 'rejected') return denied(verification.code);
  if (catalog.isTooStale) return denied('catalog_stale');
  const { token, issuer } = verification;
  const status = tokenStatus(token, now);
  if (status !== 'valid') return denied(status === 'expired' ? 'expired_credential' : 'unknown_credential');
  if (catalog.isRevoked(token)) return denied('revoked_credential');
  const account = catalog.account(token.accountId);
  if (account === undefined && requiresCatalogAccount(token, issuer)) return denied('unknown_credential');
  const planId = resolvePlanId(token, account, issuer);
  const plan = planId === undefined ? undefined : catalog.plan(planId);
  const isLimited = planId === undefined ? token.limits.length > 0 : plan !== undefined;
  // A token of an unknown plan, or with neither plan nor limits, must not pass as unlimited.
  if (!isLimited) return denied('unknown_credential');
  if (!hasFeatures(token.features, plan, question)) return denied('missing_feature');
  const charges = chargesFor(question, token, plan);
  return { kind: 'authenticated', credential: token, keyId: undefined, planId, header: 'authorization', charges };
}

function chargesFor(
  question: CheckQuestion,
  credential: KeyRecord | VerifiedToken,
  plan: Plan | undefined,
): readonly NamedCharge[] {
  if (question.rateLimitOff || question.cost === undefined) return NO_CHARGES;
  return cachedCharges(credential, plan, question.cost, question.route);
}

function denied(code: DenialCode): Identity {
  return { kind: 'denied', code };
}

function isAllowedFrom({ policy: { allowedNetworks } }: KeyRecord, { sourceAddress }: CheckQuestion): boolean {
  if (allowedNetworks.length === 0) return true;
  return sourceAddress !== undefined && isInNetworks(allowedNetworks, sourceAddress);
}

/** The features of a credential and of its plan add up. */
function hasFeatures(own: readonly string[], plan: Plan | undefined, { requiredFeatures }: CheckQuestion): boolean {
  if (requiredFeatures.length === 0) return true;
  return requiredFeatures.every((feature) => own.includes(feature) || plan?.features.includes(feature) === true);
}
