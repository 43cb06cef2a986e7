import type { MaybePromise } from '../decide/ports.ts';
import type { Span, Tracer } from '../interfaces/tracing.ts';
import { GrpcStatus, nameStatus, type UnaryCall } from '../transport/unary-call.ts';

/** A call that asks for a decision. */
export interface DecisionCall extends UnaryCall {
  /** undefined: the call is not traced. */
  readonly span?: Span | undefined;
}

/** Starts the span of a call, if it is sampled. */
export function traceCall(call: UnaryCall, tracer: Tracer): DecisionCall {
  const span = tracer.startCall(call.path, call.traceparent);
  return span === undefined ? call : new TracedCall(call, span);
}

/** A call whose span ends with it. */
class TracedCall implements DecisionCall {
  readonly span: Span;
  readonly path: string;
  readonly requestId: string | undefined;
  readonly traceparent: string | undefined;
  readonly deadline: number | undefined;
  readonly #call: UnaryCall;

  constructor(call: UnaryCall, span: Span) {
    this.span = span;
    ({ path: this.path, requestId: this.requestId, traceparent: this.traceparent, deadline: this.deadline } = call);
    this.#call = call;
  }

  get message(): Uint8Array {
    return this.#call.message;
  }

  get cancelled(): boolean {
    return this.#call.cancelled;
  }

  reply(message: Uint8Array): void {
    this.#call.reply(message);
    this.#end(GrpcStatus.OK);
  }

  fail(status: GrpcStatus, message: string): void {
    this.#call.fail(status, message);
    this.#end(status);
  }

  /** A call whose caller has disconnected gets no answer, so its status is CANCELLED. */
  #end(status: GrpcStatus): void {
    this.span.end(nameStatus(this.#call.cancelled ? GrpcStatus.CANCELLED : status));
  }
}

/**
 * Adds the wait for the counters to the spans of the calls that wait. Counters in this process cause no
 * wait: their results are not promises.
 */
export function traceRoundTrip<Result>(
  deciding: MaybePromise<Result>,
  prepared: readonly { readonly call: DecisionCall }[],
): MaybePromise<Result> {
  if (!(deciding instanceof Promise)) return deciding;
  const spans = prepared.flatMap(({ call }) => call.span ?? []);
  if (spans.length === 0) return deciding;
  const startedAt = performance.now();
  const attributes = { 'db.system.name': 'redis', 'db.operation.batch.size': prepared.length };
  return deciding.finally(() => {
    const request = { name: 'redis decide', startedAt, endedAt: performance.now(), attributes };
    for (const span of spans) span.addRequest(request);
  });
}
