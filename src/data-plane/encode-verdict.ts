import { encodeCheckResponse } from '../envoy/check/check-response.ts';
import type { CheckAnswerOptions } from '../envoy/check/denied-response.ts';
import { type EnvoyproxyAnswers, encodeEnvoyproxyResponse } from '../envoy/rate-limit/envoyproxy-response.ts';
import { encodeRateLimitResponse } from '../envoy/rate-limit/rate-limit-response.ts';
import type { Verdict } from './decision-methods.ts';

export interface AnswerOptions extends CheckAnswerOptions {
  /** Answers of the rate limit service as those of envoyproxy/ratelimit. undefined: as Weir's own. */
  readonly envoyproxy?: EnvoyproxyAnswers | undefined;
}

/** Encodes the response message. A call whose verdict is `unavailable` must fail instead. Valid until the next call. */
export function encodeVerdict(verdict: Exclude<Verdict, { kind: 'unavailable' }>, options: AnswerOptions): Uint8Array {
  if (verdict.kind !== 'rate_limit') return encodeCheckResponse(verdict, options);
  return options.envoyproxy === undefined
    ? encodeRateLimitResponse(verdict, options.rateLimitHeaders)
    : encodeEnvoyproxyResponse(verdict, options.envoyproxy, Date.now());
}

/** Returns the value of the metric label `verdict`. */
export function labelVerdict(verdict: Verdict): string {
  if (verdict.kind === 'rate_limit') return verdict.overLimit ? 'over_limit' : 'ok';
  return verdict.kind === 'denied' ? verdict.code : verdict.kind;
}

/** Returns the value of the metric label `source`, which says who decided. */
export function labelSource(verdict: Verdict): string {
  return verdict.kind === 'unavailable' ? 'none' : verdict.source;
}
