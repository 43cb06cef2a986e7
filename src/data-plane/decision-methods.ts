import type { CheckVerdict } from '../decide/check/check-verdict.ts';
import { type CheckContext, type PendingCheck, prepareCheck } from '../decide/check/prepare-check.ts';
import type { PreparedDecision } from '../decide/prepared-decision.ts';
import { PreparedRateLimitCache } from '../decide/rate-limit/prepared-rate-limit-cache.ts';
import type { RateLimitVerdict } from '../decide/rate-limit/rate-limit-verdict.ts';
import {
  type CheckExtractionOptions,
  decodeCheckRequest,
  prepareCheckExtraction,
} from '../envoy/check/check-request.ts';
import { decodeRateLimitRequest } from '../envoy/rate-limit/rate-limit-request.ts';

export type Verdict = CheckVerdict | RateLimitVerdict;

/** The state from which the methods prepare decisions. All of it is in memory. */
export interface DecisionContext extends CheckContext {
  /** The optional parts of a request that Check reads. */
  readonly requests: CheckExtractionOptions;
}

export interface DecisionMethod {
  /** Value of the metric label `question`. */
  readonly question: 'check' | 'rate_limit';
  /** Decodes the request and prepares its decision. Throws InvalidRequest. `now` is Unix time in ms. */
  prepare(message: Uint8Array, now: number): PreparedDecision<Verdict> | PendingCheck;
}

const CHECK_PATH = '/envoy.service.auth.v3.Authorization/Check';
export const SHOULD_RATE_LIMIT_PATH = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';

/** Paths of the methods that Envoy calls. Both planes serve them. */
export const DECISION_PATHS = [CHECK_PATH, SHOULD_RATE_LIMIT_PATH];

/** Creates the methods of the data plane that decide, by path. */
export function createDecisionMethods(context: DecisionContext): ReadonlyMap<string, DecisionMethod> {
  const rateLimits = new PreparedRateLimitCache(decodeRateLimitRequest, context.rules, context.catalog);
  const extraction = prepareCheckExtraction(context.requests);
  const check: DecisionMethod = {
    question: 'check',
    prepare: (message, now) => prepareCheck(decodeCheckRequest(message, extraction), context, now),
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
