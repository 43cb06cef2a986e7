import { PendingCheck } from '../decide/check/prepare-check.ts';
import type { PreparedDecision } from '../decide/prepared-decision.ts';
import { InvalidRequest } from '../envoy/wire/decode-message.ts';
import { type BatchHandler, GrpcStatus, type UnaryCall } from '../transport/unary-call.ts';
import { CallBatch, type CallBatchOptions, failInternally } from './call-batch.ts';
import { createDecisionMethods, type DecisionContext, type DecisionMethod, type Verdict } from './decision-methods.ts';
import { answerHealthCheck, HEALTH_CHECK_PATH } from './health.ts';
import { REFLECTION_PATHS, Reflection } from './reflection.ts';
import { UnverifiedCalls, type VerifiedCall } from './unverified-calls.ts';

export interface DataPlaneOptions extends DecisionContext, CallBatchOptions {
  /** Whether health checks report SERVING, so that Envoy sends calls here. */
  readonly isServing: () => boolean;
}

/**
 * Creates the handler of Envoy's calls. It takes whole batches: it prepares each call in memory, then charges all of them
 * with one call of the store. A Check whose token is not verified yet leaves its batch and is decided later.
 */
export function createDataPlane(options: DataPlaneOptions): BatchHandler {
  const methods = createDecisionMethods(options);
  const reflection = new Reflection();
  const unverified = new UnverifiedCalls(options.tokens, (calls) => decideVerified(calls, options));
  return (calls) => {
    const arrivedAt = performance.now();
    const now = Date.now();
    const batch = new CallBatch(options, arrivedAt);
    for (const call of calls) {
      const method = methods.get(call.path);
      if (method !== undefined) {
        const decision = prepareCall(call, method, now, options);
        if (decision instanceof PendingCheck) unverified.add({ call, method, check: decision, arrivedAt });
        else if (decision !== undefined) batch.add({ call, method, decision });
      } else if (call.path === HEALTH_CHECK_PATH) answerHealthCheck(call, options.isServing());
      else if (REFLECTION_PATHS.includes(call.path)) reflection.answer(call);
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
  call: UnaryCall,
  method: DecisionMethod,
  now: number,
  { log, tally }: DataPlaneOptions,
): PreparedDecision<Verdict> | PendingCheck | undefined {
  if (call.cancelled) return undefined;
  try {
    return method.prepare(call.message, now);
  } catch (error) {
    tally.count(method.question, 'invalid', 'none');
    if (error instanceof InvalidRequest) call.fail(GrpcStatus.INVALID_ARGUMENT, error.message);
    else failInternally([call], error, log);
    return undefined;
  }
}

/** Decides calls whose tokens were verified meanwhile. Callers may have given up, so it checks that again. */
function decideVerified(calls: readonly VerifiedCall[], options: DataPlaneOptions): void {
  const now = Date.now();
  const batch = new CallBatch(options, Math.min(...calls.map(({ arrivedAt }) => arrivedAt)));
  for (const { call, method, check, verification } of calls) {
    if (call.cancelled) call.fail(GrpcStatus.CANCELLED, 'cancelled');
    else if (call.deadline !== undefined && call.deadline <= performance.now()) {
      call.fail(GrpcStatus.DEADLINE_EXCEEDED, 'deadline exceeded before the call was decided');
    } else {
      try {
        batch.add({ call, method, decision: check.resume(verification, now) });
      } catch (error) {
        failInternally([call], error, options.log);
      }
    }
  }
  batch.decide();
}
