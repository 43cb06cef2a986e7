import { API_KEY_PREFIX } from '../../domain/credentials/api-key.ts';
import { keyStatus } from '../../domain/credentials/key-status.ts';
import { isInNetworks } from '../../domain/credentials/networks.ts';
import type { DenialCode } from '../../domain/denial.ts';
import type { Plan } from '../../domain/limits/plan.ts';
import { looksLikeToken } from '../../domain/tokens/compact-token.ts';
import { requiresCatalogAccount, resolvePlanId, type VerifiedToken, type Verification } from '../../domain/tokens/token.ts';
import { tokenStatus } from '../../domain/tokens/token-status.ts';
import type { Catalog, KeyRecord, TokenVerifier } from '../ports.ts';
import type { CheckQuestion, CredentialHeader } from './check.ts';
import { cachedCost } from './charge-cache.ts';
import { type Credential, findCredential } from './credential.ts';
import { type Cost, NOTHING } from './credential-charges.ts';

/** Tells whether a text has the form of an API key (core/api-key). */
export type KeyFormat = (text: string) => boolean;

/** What tells who asks. */
export interface AuthContext {
  readonly catalog: Catalog;
  readonly tokens: TokenVerifier;
  readonly isApiKey: KeyFormat;
}

/** Who asks, and what they are charged; a denial where they may not come in at all. */
export type Identity =
  | {
      readonly kind: 'known';
      readonly credential: KeyRecord | VerifiedToken;
      readonly keyId: string | undefined;
      readonly planId: string | undefined;
      readonly header: CredentialHeader | undefined;
      readonly cost: Cost;
    }
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'denied'; readonly code: DenialCode }
  /** The signature of the token has to be verified first. */
  | { readonly kind: 'unverified'; readonly token: string };

const ANONYMOUS: Identity = { kind: 'anonymous' };

/** `verification`: of the token that was found to be unverified before. `now` is Unix time in ms. */
export function authenticate(
  question: CheckQuestion,
  identification: AuthContext,
  now: number,
  verification: Verification | undefined,
): Identity {
  // Neither free nor at some guessed price: what cannot be counted as its owner wants does not pass.
  if (question.cost === undefined) return denial('invalid_configuration');
  const credential = findCredential(question);
  if (credential === undefined) {
    const mayBeAnonymous = question.allowsAnonymous && question.requiredFeatures.length === 0;
    // Browsers send no credential with a preflight: what a route asks for is asked of the request that follows.
    const mayPass = mayBeAnonymous || question.isAllowedPreflight;
    return mayPass ? ANONYMOUS : denial('missing_credential');
  }
  const { header, secret } = credential;
  if (identification.isApiKey(secret)) return identifyKey(question, credential, identification, now);
  if (header !== 'authorization' || secret.startsWith(API_KEY_PREFIX)) return denial('malformed_credential');
  const known = verification ?? identification.tokens.cached(secret, now);
  if (known !== undefined) return identifyToken(question, known, identification.catalog, now);
  return looksLikeToken(secret) ? { kind: 'unverified', token: secret } : denial('malformed_credential');
}

function identifyKey(
  question: CheckQuestion,
  { header, secret }: Credential,
  { catalog }: AuthContext,
  now: number,
): Identity {
  if (catalog.isTooStale) return denial('catalog_stale');
  const key = catalog.keyOfSecret(secret);
  if (key === undefined) return denial('unknown_credential');
  const standing = keyStatus(key, now);
  if (standing !== 'valid') return denial(`${standing}_credential`);
  const plan = catalog.plan(key.planId);
  // A key whose plan is not known must not pass as unlimited.
  if (plan === undefined) return denial('unknown_credential');
  if (!isAllowedFrom(key, question)) return denial('forbidden_network');
  if (!hasFeatures(key.conditions.features, plan, question)) return denial('missing_feature');
  const cost = costOf(question, key, plan);
  return { kind: 'known', credential: key, keyId: key.id, planId: key.planId, header, cost };
}

/** Whatever a token can lose after it was signed is looked at each time. */
function identifyToken(question: CheckQuestion, known: Verification, catalog: Catalog, now: number): Identity {
  if (known.kind === 'unavailable') return denial('verification_unavailable');
  if (known.kind === 'bad') return denial(known.code);
  if (catalog.isTooStale) return denial('catalog_stale');
  const { token, issuer } = known;
  const standing = tokenStatus(token, now);
  if (standing !== 'valid') return denial(standing === 'expired' ? 'expired_credential' : 'unknown_credential');
  if (catalog.isRevoked(token)) return denial('revoked_credential');
  const account = catalog.account(token.accountId);
  if (account === undefined && requiresCatalogAccount(token, issuer)) return denial('unknown_credential');
  const planId = resolvePlanId(token, account, issuer);
  const plan = planId === undefined ? undefined : catalog.plan(planId);
  const isLimited = planId === undefined ? token.limits.length > 0 : plan !== undefined;
  // A token without plan and limits, or whose plan is not known, must not pass as unlimited.
  if (!isLimited) return denial('unknown_credential');
  if (!hasFeatures(token.features, plan, question)) return denial('missing_feature');
  const cost = costOf(question, token, plan);
  return { kind: 'known', credential: token, keyId: undefined, planId, header: 'authorization', cost };
}

function costOf(question: CheckQuestion, credential: KeyRecord | VerifiedToken, plan: Plan | undefined): Cost {
  if (question.rateLimitOff || question.cost === undefined) return NOTHING;
  return cachedCost(credential, plan, question.cost, question.route);
}

function denial(code: DenialCode): Identity {
  return { kind: 'denied', code };
}

function isAllowedFrom({ conditions: { allowedNetworks } }: KeyRecord, { sourceAddress }: CheckQuestion): boolean {
  if (allowedNetworks.length === 0) return true;
  return sourceAddress !== undefined && isInNetworks(allowedNetworks, sourceAddress);
}

/** Those of the credential and of its plan together. */
function hasFeatures(own: readonly string[], plan: Plan | undefined, { requiredFeatures }: CheckQuestion): boolean {
  if (requiredFeatures.length === 0) return true;
  return requiredFeatures.every((each) => own.includes(each) || plan?.features.includes(each) === true);
}
