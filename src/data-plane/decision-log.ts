import type { CheckVerdict } from '../decide/check/check-verdict.ts';
import type { Usage } from '../decide/ports.ts';
import type { RateLimitVerdict } from '../decide/rate-limit/rate-limit-verdict.ts';
import { rejectionCode } from '../decide/rejection-code.ts';
import type { DenialCode } from '../domain/denial.ts';
import { type LimitStatus, tightestStatus } from '../domain/limits/limit-status.ts';
import { chooseRequestId } from '../envoy/check/request-id.ts';
import { describeSpan } from '../interfaces/tracing.ts';
import type { DecisionMethod, Verdict } from './decision-methods.ts';
import { labelSource } from './encode-verdict.ts';
import type { DecisionCall } from './traced-call.ts';

/** Logs single decisions. Both methods must return at once. */
export interface DecisionLog {
  /** Whether to log the decision at hand. */
  selects(isDenied: boolean): boolean;
  /** Takes the fields of its line. */
  add(fields: LoggedDecision): void;
}

/** The fields of a line of the decision log (docs/decision-log.md). They hold no secret and no address. */
export interface LoggedDecision extends DecidedRequest {
  readonly question: DecisionMethod['question'];
  /** The rule or plan of the limit that denied the request, or else of the one with the least left. */
  readonly rule: string | undefined;
  readonly limit: string | undefined;
  readonly remaining: number | undefined;
  readonly source: string;
  /** Of a traced call. */
  readonly trace_id?: string;
  readonly span_id?: string;
  /** The caller had left before the answer. */
  readonly abandoned: true | undefined;
}

interface DecidedRequest {
  readonly request_id: string | undefined;
  readonly account: string | undefined;
  readonly api_key: string | undefined;
  readonly plan: string | undefined;
  readonly route: string | undefined;
  readonly verdict: 'allowed' | 'denied' | 'would_deny' | 'unavailable';
  /** Why the request was denied. undefined: it was not. */
  readonly code?: DenialCode | undefined;
  /** The fault of the credential. undefined: it has none, or the code says it all. */
  readonly fault?: string | undefined;
  readonly retry_after_seconds?: number | undefined;
}

/** A decision with its call, as it was answered. */
export interface AnsweredDecision {
  readonly call: Pick<DecisionCall, 'requestId' | 'cancelled' | 'span'>;
  readonly question: DecisionMethod['question'];
  readonly verdict: Verdict;
  /** The owner of a request of the rate limit service. undefined: it names no key or account. */
  readonly usage: Usage | undefined;
  /** Whether SHADOW_MODE lets a request pass that the verdict denies. */
  readonly isOverridden: boolean;
}

/** Logs a decision if the log selects it. */
export function logDecision(log: DecisionLog, answered: AnsweredDecision): void {
  if (log.selects(!isAllowed(answered.verdict))) log.add(describeDecision(answered));
}

function isAllowed(verdict: Verdict): boolean {
  if (verdict.kind === 'rate_limit') return !verdict.overLimit;
  return verdict.kind === 'allowed' || verdict.kind === 'anonymous';
}

function describeDecision(answered: AnsweredDecision): LoggedDecision {
  const { question, verdict, call } = answered;
  const limit = findLimit(verdict);
  const isOfRateLimits = verdict.kind === 'rate_limit' || verdict.kind === 'unavailable';
  return {
    question,
    ...(isOfRateLimits ? describeRateLimit(verdict, answered) : describeCheck(verdict)),
    rule: limit?.rule,
    limit: limit?.limit.name,
    remaining: limit?.remaining,
    source: labelSource(verdict),
    ...(call.span && describeSpan(call.span)),
    abandoned: call.cancelled || undefined,
  };
}

function findLimit(verdict: Verdict): LimitStatus | undefined {
  if (verdict.kind === 'unavailable') return undefined;
  if (verdict.kind !== 'rate_limit') return tightestStatus(verdict.limits);
  // Where nobody could count, only the descriptors name a limit.
  return verdict.deciding ?? verdict.descriptors.find(({ overLimit }) => overLimit)?.status;
}

function describeCheck(verdict: CheckVerdict): DecidedRequest {
  const owner = verdict.kind === 'allowed' ? verdict : verdict.kind === 'denied' ? verdict.proven : undefined;
  const request = {
    request_id: chooseRequestId(verdict.question),
    account: owner?.credential.accountId,
    api_key: owner?.keyId,
    plan: owner?.planId,
    route: verdict.question.route,
  };
  if (verdict.kind !== 'denied') return { ...request, verdict: 'allowed' };
  const { code, fault, retryAfterSeconds } = verdict;
  return { ...request, verdict: 'denied', code, fault: fault?.name, retry_after_seconds: retryAfterSeconds };
}

function describeRateLimit(
  verdict: RateLimitVerdict,
  { call: { requestId }, usage, isOverridden }: AnsweredDecision,
): DecidedRequest {
  const request = {
    request_id: requestId,
    account: usage?.accountId === '' ? undefined : usage?.accountId,
    api_key: usage?.keyId,
    plan: usage?.planId,
    route: usage?.route,
  };
  if (verdict.kind === 'unavailable') return { ...request, verdict: 'unavailable', code: 'catalog_stale' };
  if (!verdict.overLimit) return { ...request, verdict: 'allowed' };
  return {
    ...request,
    verdict: isOverridden ? 'would_deny' : 'denied',
    code: rateLimitCode(verdict),
    retry_after_seconds: verdict.retryAfterSeconds,
  };
}

/** The code with which Check would deny the request. */
function rateLimitCode(verdict: RateLimitVerdict & { kind: 'rate_limit' }): DenialCode {
  if (verdict.source === 'fail-deny') return 'store_unavailable';
  return verdict.rejectionCode ?? rejectionCode(verdict.limits);
}
