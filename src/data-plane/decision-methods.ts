import type { CheckVerdict } from '../decide/check/check-verdict.ts';
import { type CheckContext, prepareCheck, type UnverifiedCheck } from '../decide/check/prepare-check.ts';
import type { PreparedDecision } from '../decide/prepared-decision.ts';
import { PreparedRateLimitCache } from '../decide/rate-limit/prepared-rate-limit-cache.ts';
import type { RateLimitVerdict } from '../decide/rate-limit/rate-limit-verdict.ts';
import type { Limit } from '../domain/limits/limit.ts';
import {
  type CheckExtractionOptions,
  prepareCheckExtraction,
  type RouteSource,
} from '../envoy/check/check-extraction.ts';
import { decodeCheckRequest } from '../envoy/check/check-request.ts';
import { decodeRateLimitRequest } from '../envoy/rate-limit/rate-limit-request.ts';
import type { SpanAttributes } from '../interfaces/tracing.ts';

export type Verdict = CheckVerdict | RateLimitVerdict;

/** Result of a decision: the verdict, or a Check whose token has to be verified before it can have one. */
export type Conclusion = Verdict | UnverifiedCheck;

/** The state from which the methods prepare decisions. All of it is in memory. */
export interface DecisionContext extends CheckContext {
  /** The optional parts of a request that Check reads. */
  readonly requests: CheckExtractionOptions;
  /** `unmatchedLimits` of RateLimitOptions. */
  readonly unmatchedLimits?: readonly Limit[];
  /** undefined: there is no route table. */
  readonly routes?: RouteSource | undefined;
}

export interface DecisionMethod {
  /** Value of the metric label `question`. */
  readonly question: 'check' | 'rate_limit';
  /** Decodes the request and prepares its decision. Throws InvalidRequest. `now` is Unix time in ms. */
  prepare(message: Uint8Array, now: number): PreparedDecision<Conclusion>;
  /** Describes the request of a traced call, as far as its verdict does not. Throws InvalidRequest. */
  describe(message: Uint8Array): SpanAttributes;
}

export const CHECK_PATH = '/envoy.service.auth.v3.Authorization/Check';
export const SHOULD_RATE_LIMIT_PATH = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';

/** Paths of the methods that Envoy calls. Both planes serve them. */
export const DECISION_PATHS = [CHECK_PATH, SHOULD_RATE_LIMIT_PATH];

/** Creates the methods of the data plane that decide, by path. */
export function createDecisionMethods(context: DecisionContext): ReadonlyMap<string, DecisionMethod> {
  const rateLimits = new PreparedRateLimitCache(decodeRateLimitRequest, context.rules, context.catalog, {
    unknownSettings: context.requests.unknownExtensions,
    unmatchedLimits: context.unmatchedLimits,
  });
  const extraction = prepareCheckExtraction(context.requests, context.routes);
  const check: DecisionMethod = {
    question: 'check',
    prepare: (message, now) => prepareCheck(decodeCheckRequest(message, extraction), context, now),
    describe: () => ({}),
  };
  const shouldRateLimit: DecisionMethod = {
    question: 'rate_limit',
    prepare: (message, now) => rateLimits.prepare(message, now),
    describe: (message) => ({ 'weir.domain': decodeRateLimitRequest(message).domain }),
  };
  return new Map([
    [CHECK_PATH, check],
    [SHOULD_RATE_LIMIT_PATH, shouldRateLimit],
  ]);
}
