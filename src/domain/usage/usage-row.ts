/** Outcomes of a request. */
export const USAGE_OUTCOMES = ['allowed', 'rateLimited', 'quotaExceeded', 'denied'] as const;
export type UsageOutcome = (typeof USAGE_OUTCOMES)[number];

/** Whose requests a row of usage counts, and on which route. Each part is empty if there is none, or none is known. */
export interface UsageDimensions {
  /** Without `accounts/`. Empty: no credential proved one. */
  readonly accountId: string;
  /** Without `apiKeys/`. Empty: the credential was a token, or only the account is known. */
  readonly keyId: string;
  readonly planId: string;
  readonly route: string;
}

/** Requests by their outcome. */
export type UsageCounts = Record<UsageOutcome, number> & {
  /** Hits of the allowed requests, as they were settled. Negative: settlements gave back hits of earlier requests. */
  hits: number;
};

export const COUNT_FIELDS = [...USAGE_OUTCOMES, 'hits'] as const satisfies readonly (keyof UsageCounts)[];

export const NO_COUNTS: Readonly<UsageCounts> = { allowed: 0, rateLimited: 0, quotaExceeded: 0, denied: 0, hits: 0 };

/** Adds counts to others. */
export function addCounts(sum: UsageCounts, added: Readonly<UsageCounts>): void {
  for (const field of COUNT_FIELDS) sum[field] += added[field];
}
