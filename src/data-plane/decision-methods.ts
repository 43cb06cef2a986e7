import type { CheckVerdict } from '../decide/check/check.ts';
import { type CheckContext, prepareCheck, type UnverifiedCheck } from '../decide/check/prepare-check.ts';
import type { PreparedDecision } from '../decide/decide-batch.ts';
import { PreparedRateLimitCache } from '../decide/rate-limit/prepared-rate-limit-cache.ts';
import type { RateLimitVerdict } from '../decide/rate-limit/rate-limit-verdict.ts';
import { type CheckReadingOptions, checkReading, decodeCheckRequest } from '../envoy/check/check-request.ts';
import { encodeCheckResponse } from '../envoy/check/check-response.ts';
import type { RateLimitHeaders } from '../envoy/headers/limit-headers.ts';
import { encodeRateLimitResponse } from '../envoy/rate-limit/rate-limit-response.ts';

export type Verdict = CheckVerdict | RateLimitVerdict;

/** What the methods need in order to think a question through; all of it is memory. */
export interface DecisionContext extends CheckContext {
  /** What Check reads of requests beside what it always reads. */
  readonly requests: CheckReadingOptions;
}

export interface DecisionMethod {
  readonly question: 'check' | 'rate_limit';
  /** Throws InvalidRequest. `now` is Unix time in ms. */
  prepare(message: Uint8Array, now: number): PreparedDecision<Verdict> | UnverifiedCheck;
}

const CHECK_PATH = '/envoy.service.auth.v3.Authorization/Check';
export const SHOULD_RATE_LIMIT_PATH = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';

/** The methods that Envoy calls, which both planes serve. */
export const DECISION_PATHS = [CHECK_PATH, SHOULD_RATE_LIMIT_PATH];

/** The methods of the data plane that decide, by path. */
export function decisionMethods(knowledge: DecisionContext): ReadonlyMap<string, DecisionMethod> {
  const rateLimits = new PreparedRateLimitCache(knowledge.rules, knowledge.catalog);
  const reading = checkReading(knowledge.requests);
  const check: DecisionMethod = {
    question: 'check',
    prepare: (message, now) => prepareCheck(decodeCheckRequest(message, reading), knowledge, now),
  };
  const shouldRateLimit: DecisionMethod = {
    question: 'rate_limit',
    prepare: (message, now) => rateLimits.prepare(message, now),
  };
  return new Map([
    [CHECK_PATH, check],
    [SHOULD_RATE_LIMIT_PATH, shouldRateLimit],
  ]);
}

/** The response message. Where nothing could be decided there is none: the call itself must fail. */
export function encodeVerdict(
  verdict: Exclude<Verdict, { kind: 'unavailable' }>,
  headers: RateLimitHeaders,
): Uint8Array {
  return verdict.kind === 'rate_limit'
    ? encodeRateLimitResponse(verdict, headers)
    : encodeCheckResponse(verdict, headers);
}

/** What was answered, as metrics name it. */
export function answerOf(verdict: Verdict): string {
  if (verdict.kind === 'rate_limit') return verdict.overLimit ? 'over_limit' : 'ok';
  return verdict.kind === 'denied' ? verdict.code : verdict.kind;
}

/** Who decided, as metrics name it. */
export function sourceOf(verdict: Verdict): string {
  return verdict.kind === 'unavailable' ? 'none' : verdict.source;
}
