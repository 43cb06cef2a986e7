import type { Decision, Receipt } from '../decide/ports.ts';
import type { PreparedDecision } from '../decide/prepared-decision.ts';
import { InvalidRequest } from '../envoy/wire/decode-message.ts';
import { type BatchHandler, GrpcStatus } from '../transport/unary-call.ts';
import { CallBatch, type CallBatchOptions, failInternally } from './call-batch.ts';
import {
  type Conclusion,
  createDecisionMethods,
  type DecisionContext,
  type DecisionMethod,
} from './decision-methods.ts';
import { chargeRejected, refundGrants } from './follow-ups.ts';
import { acceptHealthCall, HEALTH_NAMES, HEALTH_PATHS, replyHealth } from './health.ts';
import { createDataPlaneReflection, REFLECTION_PATHS } from './reflection.ts';
import { type DecisionCall, traceCall } from './traced-call.ts';
import { UnverifiedCalls, type VerifiedCall } from './unverified-calls.ts';

export interface DataPlaneOptions extends DecisionContext, Omit<CallBatchOptions, 'unverified'> {
  /** Whether health checks report SERVING, so that Envoy sends calls here. */
  readonly isServing: () => boolean;
}

/**
 * Creates the handler of Envoy's calls. It takes whole batches: it prepares each call in memory, then charges all of them
 * with one call of the store. A Check whose token is not verified yet is charged only at the edge then. The rest of it
 * is decided later.
 */
export function createDataPlane(options: DataPlaneOptions): BatchHandler {
  const methods = createDecisionMethods(options);
  const reflection = createDataPlaneReflection();
  const unverified = new UnverifiedCalls(options.tokens, (calls) => decideVerified(calls, batchOptions));
  const batchOptions = { ...options, unverified };
  const { tracer } = options;
  return (calls) => {
    const arrivedAt = performance.now();
    const now = Date.now();
    const batch = new CallBatch(batchOptions, arrivedAt);
    for (const received of calls) {
      const method = methods.get(received.path);
      const call = tracer === undefined || method === undefined ? received : traceCall(received, tracer);
      if (method !== undefined) {
        const decision = prepareCall(call, method, now, options);
        if (decision !== undefined) batch.add({ call, method, decision });
      } else if (HEALTH_PATHS.includes(call.path)) {
        if (acceptHealthCall(call, HEALTH_NAMES)) replyHealth(call, HEALTH_NAMES, options.isServing());
      } else if (REFLECTION_PATHS.includes(call.path)) reflection.answer(call);
      else call.fail(GrpcStatus.UNIMPLEMENTED, `no such method: ${call.path}`);
    }
    batch.decide();
  };
}

/**
 * Prepares the decision of one call. Returns undefined for a call that was cancelled, or that it has failed. A fault of
 * one call never affects the rest of its batch.
 */
function prepareCall(
  call: DecisionCall,
  method: DecisionMethod,
  now: number,
  { log, tally }: DataPlaneOptions,
): PreparedDecision<Conclusion> | undefined {
  if (call.cancelled) return undefined;
  try {
    if (call.span !== undefined) call.span.setAttributes(method.describe(call.message));
    return method.prepare(call.message, now);
  } catch (error) {
    tally.count(method.question, 'invalid', 'none');
    if (error instanceof InvalidRequest) call.fail(GrpcStatus.INVALID_ARGUMENT, error.message);
    else failInternally([call], error, log);
    return undefined;
  }
}

/** Decides calls whose tokens were verified meanwhile. Callers may have given up, so it checks that again. */
function decideVerified(calls: readonly VerifiedCall[], options: CallBatchOptions): void {
  const now = Date.now();
  const batch = new CallBatch(options, Math.min(...calls.map(({ arrivedAt }) => arrivedAt)));
  const refunds: Receipt[] = [];
  const penalties: Decision[] = [];
  for (const { call, method, check, verification } of calls) {
    const isLate = call.deadline !== undefined && call.deadline <= performance.now();
    if (call.cancelled || isLate) {
      if (call.cancelled) call.fail(GrpcStatus.CANCELLED, 'cancelled');
      else call.fail(GrpcStatus.DEADLINE_EXCEEDED, 'deadline exceeded before the call was decided');
      // Not for other tokens: who leaves early must not get forgeries verified for free.
      if (verification.kind !== 'verified') penalties.push(...(check.resume(verification, now).penalties ?? []));
      else if (check.edge !== undefined) refunds.push(check.edge.receipt);
    } else {
      try {
        batch.add({ call, method, decision: check.resume(verification, now) });
      } catch (error) {
        failInternally([call], error, options.log);
      }
    }
  }
  batch.decide();
  if (refunds.length > 0) void refundGrants(refunds, options);
  if (penalties.length > 0) void chargeRejected(penalties, options);
}
