import { type AccountDenial, findAccountDenial } from '../../domain/account-state.ts';
import { isAllowedFrom } from '../../domain/credentials/allowed-networks.ts';
import { API_KEY_PREFIX, isApiKey, keyStatus } from '../../domain/credentials/api-key.ts';
import {
  type CredentialFault,
  credentialFault,
  isUnknownFormat,
  type UnknownFault,
} from '../../domain/credentials/credential-fault.ts';
import { hasImportedKeyLength } from '../../domain/credentials/imported-key.ts';
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
import type { Catalog, KeyRecord, TokenVerifier } from '../ports.ts';
import { type ChargedCredential, cachedCharges } from './charge-cache.ts';
import { type CheckCharges, NO_CHECK_CHARGES } from './check-charges.ts';
import type { CheckQuestion } from './check-question.ts';
import { findCredential } from './find-credential.ts';
import { findCredentialFault } from './malformed-credential.ts';
import type { CredentialHeader, PresentedCredential } from './presented-credential.ts';

export interface AuthContext {
  readonly catalog: Catalog;
  readonly tokens: TokenVerifier;
}

/** The identity of a request, as far as memory knows it. */
export type Identity = ResolvedIdentity | UnverifiedIdentity;

export type ResolvedIdentity =
  | (ProvenIdentity & {
      readonly kind: 'authenticated';
      /** The header that carries the credential. undefined: the query carries it. */
      readonly header: CredentialHeader | undefined;
      /** undefined: the token has only limits of its own. A changed plan is another object. */
      readonly plan: Plan | undefined;
      readonly charges: CheckCharges;
    })
  | { readonly kind: 'anonymous' }
  | {
      readonly kind: 'denied';
      readonly code: DenialCode;
      /** The fault of the credential. undefined: there is none, or the code says it all. */
      readonly fault: CredentialFault | undefined;
      /** Whole seconds after which the credential may be used again. undefined: no retry is promised. */
      readonly retryAfterSeconds: number | undefined;
      /** The owner of the credential. undefined: unknown. The claims of an unverified token prove nothing. */
      readonly proven: ProvenIdentity | undefined;
    };

/** The identity that a known API key or the signature of a token proves. */
export interface ProvenIdentity {
  /** The same object until something of it changes, so that encoded responses can be cached by it. */
  readonly credential: KeyRecord | VerifiedToken;
  /** undefined: the credential is a token. */
  readonly keyId: string | undefined;
  /** undefined: the token has only limits of its own, or neither these nor a plan. */
  readonly planId: string | undefined;
}

/** A token whose signature has to be verified first. */
export interface UnverifiedIdentity {
  readonly kind: 'unverified';
  readonly token: string;
}

const ANONYMOUS: Identity = { kind: 'anonymous' };
const UNKNOWN_API_KEY = credentialFault('unknown_api_key');

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
  if (question.pathFault !== undefined) return denied(question.pathFault);
  // The owner of the route may have required more than Weir understood: a typo must not let everybody in.
  if (question.configurationFault?.isDenied === true) return denied('invalid_configuration');
  if (question.ignoresCredential === true) return ANONYMOUS;
  const credential = findCredential(question);
  if (credential === undefined) {
    const mayBeAnonymous = question.allowsAnonymous && question.requiredFeatures.length === 0;
    // Browsers send no credential with a preflight. The request that follows must have what the route requires.
    return mayBeAnonymous || question.isAllowedPreflight ? ANONYMOUS : denied('missing_credential');
  }
  const { header, secret } = credential;
  if (credential.fault !== undefined) return denied('malformed_credential', credential.fault);
  const { tokens, catalog } = context;
  if (isApiKey(secret)) return authenticateKey(question, header, catalog.keyBySecret(secret), catalog, now);
  // Before tokens: an imported key may look like one, and what is known of a token must not hide the key.
  const imported = catalog.importedKeyBySecret(secret);
  if (imported !== undefined) return authenticateKey(question, header, imported, catalog, now);
  if (header === 'authorization' && !secret.startsWith(API_KEY_PREFIX)) {
    const verified = verification ?? tokens.cached(secret, now);
    if (verified !== undefined) return authenticateToken(question, verified, catalog, now);
    if (looksLikeToken(secret, tokens.maxTokenBytes)) return { kind: 'unverified', token: secret };
  }
  const fault = findCredentialFault(credential, tokens.maxTokenBytes);
  return isUnknownFormat(fault) && catalog.hasImportedKeys && hasImportedKeyLength(secret)
    ? unknownKey(catalog)
    : denied('malformed_credential', fault);
}

function authenticateKey(
  question: CheckQuestion,
  header: PresentedCredential['header'],
  key: KeyRecord | undefined,
  catalog: Catalog,
  now: number,
): Identity {
  if (key === undefined) return unknownKey(catalog);
  if (catalog.isTooStale) return deniedKey('catalog_stale', key);
  const status = keyStatus(key, now);
  if (status !== 'valid') return deniedKey(`${status}_credential`, key);
  const accountDenial = findAccountDenial(key.accountState, now);
  if (accountDenial !== undefined)
    return deniedAccount(accountDenial, { credential: key, keyId: key.id, planId: key.planId });
  const plan = catalog.plan(key.planId);
  // A key of an unknown plan must not pass as unlimited.
  if (plan === undefined) return deniedKey('unknown_credential', key, credentialFault('unknown_plan'));
  if (!isAllowedFrom(key.policy.allowedNetworks, question.sourceAddress)) return deniedKey('forbidden_network', key);
  if (!hasFeatures(key.policy.features, plan, question)) return deniedKey('missing_feature', key);
  const charges = chargesFor(question, { credential: key, plan, supersededPlanLimits: key.supersededPlanLimits }, now);
  return { kind: 'authenticated', credential: key, keyId: key.id, planId: key.planId, header, plan, charges };
}

/** Checks on every request whatever a token can lose after it was signed. */
function authenticateToken(
  question: CheckQuestion,
  verification: Verification,
  catalog: Catalog,
  now: number,
): Identity {
  if (verification.kind === 'unavailable') return denied('verification_unavailable');
  if (verification.kind === 'rejected') return denied(verification.code, rejectionFault(verification));
  const { token, issuer } = verification;
  const account = catalog.account(token.accountId);
  const planId = resolvePlanId(token, account, issuer);
  const plan = planId === undefined ? undefined : catalog.plan(planId);
  if (catalog.isTooStale) return deniedToken('catalog_stale', token, planId);
  const status = tokenStatus(token, now);
  if (status === 'expired') return deniedToken('expired_credential', token, planId);
  if (status === 'early') return unknownToken('not_yet_valid', token, planId);
  if (catalog.isRevoked(token)) return deniedToken('revoked_credential', token, planId);
  if (account === undefined && requiresCatalogAccount(token, issuer)) {
    return unknownToken('unknown_account', token, planId);
  }
  const accountDenial = account && findAccountDenial(account, now);
  if (accountDenial !== undefined) return deniedAccount(accountDenial, { credential: token, keyId: undefined, planId });
  // A token of an unknown plan, or with neither plan nor limits, must not pass as unlimited.
  if (planId !== undefined && plan === undefined) return unknownToken('unknown_plan', token, planId);
  if (planId === undefined && token.limits.length === 0) return unknownToken('no_plan', token, planId);
  if (!hasFeatures(token.features, plan, question)) return deniedToken('missing_feature', token, planId);
  const supersededPlanLimits = token.planId === undefined ? account?.supersededPlanLimits : undefined;
  const charges = chargesFor(question, { credential: token, plan, supersededPlanLimits }, now);
  return {
    kind: 'authenticated',
    credential: token,
    keyId: undefined,
    planId,
    header: 'authorization',
    plan,
    charges,
  };
}

function unknownKey({ isTooStale }: Catalog): Identity {
  return isTooStale ? denied('catalog_stale') : denied('unknown_credential', UNKNOWN_API_KEY);
}

function chargesFor(question: CheckQuestion, charged: ChargedCredential, now: number): CheckCharges {
  if (question.rateLimitOff) return NO_CHECK_CHARGES;
  return cachedCharges(charged, question.cost, question.route, now);
}

function denied(code: DenialCode, fault?: CredentialFault, proven?: ProvenIdentity): Identity {
  return { kind: 'denied', code, fault, retryAfterSeconds: undefined, proven };
}

function deniedAccount({ code, retryAfterSeconds }: AccountDenial, proven: ProvenIdentity): Identity {
  return { kind: 'denied', code, fault: undefined, retryAfterSeconds, proven };
}

function deniedKey(code: DenialCode, key: KeyRecord, fault?: CredentialFault): Identity {
  return denied(code, fault, { credential: key, keyId: key.id, planId: key.planId });
}

function deniedToken(code: DenialCode, token: VerifiedToken, planId: string | undefined): Identity {
  return denied(code, undefined, { credential: token, keyId: undefined, planId });
}

function unknownToken(fault: UnknownFault, token: VerifiedToken, planId: string | undefined): Identity {
  return denied('unknown_credential', credentialFault(fault), { credential: token, keyId: undefined, planId });
}

/** Expiry has a code of its own, so it needs no fault. */
function rejectionFault({ code, fault }: Verification & { kind: 'rejected' }): CredentialFault | undefined {
  return code === 'expired_credential' ? undefined : credentialFault(fault);
}

/** The features of a credential and of its plan add up. */
function hasFeatures(own: readonly string[], plan: Plan | undefined, { requiredFeatures }: CheckQuestion): boolean {
  if (requiredFeatures.length === 0) return true;
  return requiredFeatures.every((feature) => own.includes(feature) || plan?.features.includes(feature) === true);
}
