import { type Issuer, OWN_ISSUER } from '../../domain/issuers/issuer.ts';
import type { JsonWebKeySet } from '../../domain/issuers/issuer-keys.ts';
import { findTokenFormFault, looksLikeToken, readCompactToken } from '../../domain/tokens/compact-token.ts';
import { explainTokenFault } from '../../domain/tokens/explain-token-fault.ts';
import { showClaim } from '../../domain/tokens/show-claim.ts';
import { tokenStatus, type VerifiedToken } from '../../domain/tokens/token.ts';
import { describeRequestError } from '../../outbound/pinned-request.ts';
import { discoverKeyUrl, type FetchOptions, fetchKeySet, fetchKeys } from './fetch-key-set.ts';
import { createKeyFinder, createStaticKeyResolver, type KeyResolver, KeysUnavailable } from './key-resolver.ts';
import { TokenValidator } from './token-validator.ts';

/** Result of one step of a test. */
export interface IssuerTestStep {
  readonly step: 'DISCOVERY' | 'KEYS' | 'TOKEN';
  readonly ok: boolean;
  /** Says what was found or what differs. Never repeats a token. */
  readonly message: string;
}

export interface IssuerTestOptions extends FetchOptions {
  readonly maxTokenBytes: number;
}

/** Time for the validation of a token whose keys are already fetched. */
const VALIDATION_TIMEOUT_MS = 5_000;

/** Keys that could not be fetched. Whatever needs no key is still checked. */
const UNAVAILABLE_KEYS: KeyResolver = {
  prepare: () => Promise.reject(new KeysUnavailable('the keys of the issuer are unavailable')),
  find: async () => [],
};

/**
 * Tests an issuer as a token would: by the same rules, with the same limits, but past all caches. An empty token is not
 * verified. Never rejects.
 */
export async function testIssuer(issuer: Issuer, token: string, options: IssuerTestOptions): Promise<IssuerTestStep[]> {
  const steps: IssuerTestStep[] = [];
  const set = await testKeys(issuer, options, steps);
  if (token !== '') steps.push({ step: 'TOKEN', ...(await testToken(issuer, token, set, options)) });
  return steps;
}

/** Returns why Weir cannot get the keys of an issuer; undefined: it can. Never rejects. */
export async function findKeyProblem(issuer: Issuer, options: FetchOptions): Promise<string | undefined> {
  try {
    const problem = await findUnsuitableKeys(issuer, await fetchKeySet(issuer, options));
    return problem === undefined ? undefined : `keys: ${problem}`;
  } catch (error) {
    return `keys: ${describeRequestError(error)}`;
  }
}

async function testKeys(
  issuer: Issuer,
  options: FetchOptions,
  steps: IssuerTestStep[],
): Promise<JsonWebKeySet | undefined> {
  const { keys } = issuer;
  let source = 'the catalog';
  let step: 'DISCOVERY' | 'KEYS' = 'KEYS';
  try {
    if (keys.kind === 'jwks_uri') source = keys.uri;
    if (keys.kind === 'discovery') {
      step = 'DISCOVERY';
      source = await discoverKeyUrl(issuer, options);
      steps.push({ step, ok: true, message: `jwks_uri: found ${showClaim(source)}` });
      step = 'KEYS';
    }
    const set = keys.kind === 'static' ? keys.jwks : await fetchKeys(issuer, source, options);
    const problem = await findUnsuitableKeys(issuer, set);
    const ids = set.keys.map(({ kid }) => kid ?? 'a key without kid');
    const message = problem ?? `found ${set.keys.length} in ${showClaim(source)}: kid ${showClaim(ids)}`;
    steps.push({ step, ok: problem === undefined, message });
    return set;
  } catch (error) {
    steps.push({ step, ok: false, message: describeRequestError(error) });
    if (step === 'DISCOVERY') {
      steps.push({ step: 'KEYS', ok: false, message: 'not fetched, because discovery failed' });
    }
    return undefined;
  }
}

/** Returns a problem if no key of the set suits any algorithm of the issuer. */
async function findUnsuitableKeys({ algorithms }: Issuer, set: JsonWebKeySet): Promise<string | undefined> {
  if (set.keys.length === 0) return 'must have at least one public key';
  const find = createKeyFinder(set);
  for (const algorithm of algorithms) {
    try {
      if ((await find({ algorithm, keyId: undefined, type: undefined })).length > 0) return undefined;
    } catch {
      // A malformed key. Another one may suit.
    }
  }
  return `must have a key for ${algorithms.join(' or ')} (found ${set.keys.length} others)`;
}

async function testToken(
  issuer: Issuer,
  token: string,
  set: JsonWebKeySet | undefined,
  { maxTokenBytes }: IssuerTestOptions,
): Promise<{ ok: boolean; message: string }> {
  const fail = (message: string) => ({ ok: false, message });
  if (!looksLikeToken(token, maxTokenBytes)) {
    const fault = findTokenFormFault(token, maxTokenBytes);
    if (fault === 'too_long') return fail(`token: must have at most ${maxTokenBytes} bytes (found ${token.length})`);
    return fail(explainTokenFault(fault, undefined, issuer, []));
  }
  const resolver = set === undefined ? UNAVAILABLE_KEYS : createStaticKeyResolver(set);
  const validator = new TokenValidator(() => resolver);
  // Not static, so that the validator gets the keys that were just fetched, or none.
  const issuers = [{ ...issuer, keys: { kind: 'discovery' } }] as const;
  validator.setTrust({ kind: 'trust', version: 1, ownIssuer: OWN_ISSUER, issuers, keys: [] });
  const deadline = Date.now() + VALIDATION_TIMEOUT_MS;
  const result = await validator.validate({ id: 1, token, sender: '', isRenewal: false, deadline });
  if (result.kind === 'verified') return describeVerified(result.token);
  if (result.kind !== 'rejected') {
    return fail('signature: not verified, because the keys are unavailable; everything before it is right');
  }
  const compact = readCompactToken(token);
  const keyIds = set?.keys.flatMap(({ kid }) => kid ?? []) ?? [];
  return fail(explainTokenFault(result.fault, typeof compact === 'string' ? undefined : compact, issuer, keyIds));
}

function describeVerified(token: VerifiedToken): { ok: boolean; message: string } {
  if (tokenStatus(token, Date.now()) === 'early') {
    return { ok: false, message: `nbf: the token is not valid before ${new Date(token.notBefore ?? 0).toISOString()}` };
  }
  const { accountId, planId, features, isAdmin } = token;
  const plan = planId === undefined ? 'no plan of its own' : `plan ${showClaim(planId)}`;
  const role = isAdmin ? ', an administrator' : '';
  return {
    ok: true,
    message: `valid: account ${showClaim(accountId)}, ${plan}, features ${showClaim(features)}${role}`,
  };
}
