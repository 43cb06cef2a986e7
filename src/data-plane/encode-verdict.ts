import { encodeCheckResponse } from '../envoy/check/check-response.ts';
import type { LimitHeaderMode } from '../envoy/headers/limit-headers.ts';
import { encodeRateLimitResponse } from '../envoy/rate-limit/rate-limit-response.ts';
import type { Verdict } from './decision-methods.ts';

/** Encodes the response message. A call whose verdict is `unavailable` must fail instead. Valid until the next call. */
export function encodeVerdict(verdict: Exclude<Verdict, { kind: 'unavailable' }>, mode: LimitHeaderMode): Uint8Array {
  return verdict.kind === 'rate_limit' ? encodeRateLimitResponse(verdict, mode) : encodeCheckResponse(verdict, mode);
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
