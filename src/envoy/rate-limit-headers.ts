import { type LimitStatus, quotaOf, tightest } from '../core/verdict.ts';

/** Header names and values, lower-case names. */
export type Headers = readonly (readonly [name: string, value: string])[];

/**
 * What a client is told of its limits: `ratelimit-policy` and `ratelimit` list every limit
 * (draft-ietf-httpapi-ratelimit-headers-10), the older `x-ratelimit-*` the tightest one. Empty where nothing limits.
 */
export function rateLimitHeaders(limits: readonly LimitStatus[]): Headers {
  const told = tightest(limits);
  if (told === undefined) return [];
  const policies = limits.map(policyOf);
  const states = limits.map(({ limit, remaining, resetSeconds }) => `"${limit.name}";r=${remaining};t=${resetSeconds}`);
  return [
    ['ratelimit-policy', policies.join(', ')],
    ['ratelimit', states.join(', ')],
    ['x-ratelimit-limit', String(quotaOf(told.limit).requests)],
    ['x-ratelimit-remaining', String(told.remaining)],
    ['x-ratelimit-reset', String(told.resetSeconds)],
  ];
}

function policyOf({ limit }: LimitStatus): string {
  const { requests, windowSeconds } = quotaOf(limit);
  const quota = `"${limit.name}";q=${requests}`;
  return windowSeconds === undefined ? `${quota};qu="concurrent-requests"` : `${quota};w=${windowSeconds}`;
}
