import { ApiError } from '../domain/api-error.ts';
import { batchCalls } from '../transport/batch-calls.ts';
import { type BatchHandler, GrpcStatus, type UnaryCall } from '../transport/unary-call.ts';
import type { DecisionPort, ForwardedCall, ForwardedReply } from './decision-port.ts';

/** Far longer than a decision may take: only a call that would never end reaches it. */
const MAX_TIMEOUT_MS = 5_000;

/**
 * Creates a handler that lets the process that decides answer the calls. `findFault` finds what is wrong with a message,
 * so that garbage does not reach that process; undefined: nothing is.
 */
export function forwardCalls(
  port: Pick<DecisionPort, 'decide'>,
  findFault: (path: string, message: Uint8Array) => string | undefined,
): BatchHandler {
  return (calls) => {
    for (const call of calls) {
      const fault = findFault(call.path, call.message);
      if (fault === undefined) void forward(call, port);
      else call.fail(GrpcStatus.INVALID_ARGUMENT, fault);
    }
  };
}

async function forward(call: UnaryCall, port: Pick<DecisionPort, 'decide'>): Promise<void> {
  const { path, message, requestId, traceparent, deadline } = call;
  const timeoutMs = Math.min(MAX_TIMEOUT_MS, Math.max(0, (deadline ?? Number.POSITIVE_INFINITY) - performance.now()));
  try {
    const reply = await port.decide({ path, message: new Uint8Array(message), requestId, traceparent, timeoutMs });
    if (reply.kind === 'replied') call.reply(reply.message);
    else call.fail(toStatus(reply.status), reply.message);
  } catch (error) {
    const isBusy = error instanceof ApiError && error.reason.kind === 'too_many_calls';
    if (isBusy) call.fail(GrpcStatus.RESOURCE_EXHAUSTED, 'too many decisions in progress on this port; retry');
    else call.fail(GrpcStatus.UNAVAILABLE, 'the process that decides is unavailable; retry');
  }
}

function toStatus(status: number): GrpcStatus {
  return Object.values(GrpcStatus).find((known) => known === status) ?? GrpcStatus.INTERNAL;
}

/** Creates the method `decide` of the port from the handler of the data plane. */
export function answerForwardedCalls(handler: BatchHandler): DecisionPort['decide'] {
  const addToBatch = batchCalls(handler);
  return (call) => new Promise((resolve) => addToBatch(new ForwardedUnaryCall(call, resolve)));
}

class ForwardedUnaryCall implements UnaryCall {
  readonly path: string;
  readonly message: Uint8Array;
  readonly requestId: string | undefined;
  readonly traceparent: string | undefined;
  readonly deadline: number;
  /** That the caller has gone is not reported to this process. The deadline stands for it. */
  readonly cancelled = false;
  readonly #resolve: (reply: ForwardedReply) => void;

  constructor(
    { path, message, requestId, traceparent, timeoutMs }: ForwardedCall,
    resolve: (reply: ForwardedReply) => void,
  ) {
    this.path = path;
    this.message = message;
    this.requestId = requestId;
    this.traceparent = traceparent;
    this.deadline = performance.now() + timeoutMs;
    this.#resolve = resolve;
  }

  reply(message: Uint8Array): void {
    this.#resolve({ kind: 'replied', message: new Uint8Array(message) });
  }

  fail(status: GrpcStatus, message: string): void {
    this.#resolve({ kind: 'failed', status, message });
  }
}
