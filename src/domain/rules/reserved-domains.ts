/*
 * Domains that Weir itself gives a meaning. Which requests they see does not depend on Envoy's configuration alone, so
 * some rules in them can never match.
 */

/** The domain whose rules Check also charges, before it reads any credential. */
export const EDGE_DOMAIN = 'edge';
/** The key of rules that count the requests which Check refuses with 401 or 403. */
export const REFUSED_KEY = 'refused';
/** The values of `refused`: the statuses of refusals for who sends a request. */
export const REFUSED_STATUSES = [401, 403] as const;
/** The keys that Check sends in the domain `edge`, each at most once. */
export const EDGE_KEYS: readonly string[] = ['remote_address', 'device', 'route', REFUSED_KEY];
/** Clients choose their device's name freely. Longer ones would fill the memory of the counters, so Check cuts them off. */
export const MAX_DEVICE_LENGTH = 256;

/** The domain whose rules limit the calls of the admin API. */
export const ADMIN_DOMAIN = 'admin';
/** The keys that the admin API sends in the domain `admin`, each at most once. */
export const ADMIN_KEYS: readonly string[] = ['method', 'remote_address', 'account', 'device', 'outcome'];
/** How calls of the admin API end: the values of `outcome`. */
export const CALL_OUTCOMES = ['ok', 'wrong_password', 'invalid_request', 'invalid_token', 'failed'] as const;
export type CallOutcome = (typeof CALL_OUTCOMES)[number];

/** Whether Weir itself sends the entries of the domain, and rules match every combination of them. */
export function matchesCombinations(domain: string): boolean {
  return domain === EDGE_DOMAIN || domain === ADMIN_DOMAIN;
}

/** The domain whose descriptors are counted by the plans of the catalog. */
export const PLANS_DOMAIN = 'plans';

/** Whether the domain `plans` counts descriptors that have the key by the catalog. No rule matches them. */
export function isPlanKey(key: string): boolean {
  return key === 'api_key' || key === 'account';
}
