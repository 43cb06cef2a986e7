import {
  type Attributes,
  type Context,
  type Span as OtelSpan,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { EndedOperation, Span, SpanAttributes, Tracer } from '../../interfaces/tracing.ts';
import type { Sampling } from '../../interfaces/tracing-settings.ts';
import { followsCallers } from './sampler.ts';
import { isSampled, parseTraceparent } from './traceparent.ts';

/** Statuses that mean that a server failed. Others say something about the call. */
const SERVER_ERRORS: ReadonlySet<string> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);

/** Longer values of attributes are cut off: a statement of the database, or the domain of a call, can have any length. */
const MAX_ATTRIBUTE_LENGTH = 2_048;

/** Creates a tracer on one of the SDK. */
export function createTracer(tracer: OtelTracer, sampling: Sampling): Tracer {
  const isFollowing = followsCallers(sampling);
  return {
    startCall(path, traceparent) {
      if (isFollowing && (traceparent === undefined || !isSampled(traceparent))) return undefined;
      const method = path.slice(1);
      const now = Date.now();
      const options = {
        kind: SpanKind.SERVER,
        startTime: now,
        attributes: { 'rpc.system.name': 'grpc', 'rpc.method': method },
      };
      const span = tracer.startSpan(method, options, readParent(traceparent));
      return span.isRecording() ? new CallSpan(tracer, span, now - performance.now()) : undefined;
    },
  };
}

/** The context of the caller's span. A malformed header counts as none. */
function readParent(traceparent: string | undefined): Context {
  const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent);
  if (parent === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, flags } = parent;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: flags & 1, isRemote: true });
}

class CallSpan implements Span {
  readonly #tracer: OtelTracer;
  readonly #span: OtelSpan;
  /** Unix time in ms of the origin of performance.now(). One for the whole call, so that its spans fit together. */
  readonly #originMs: number;
  readonly traceId: string;
  readonly spanId: string;

  constructor(tracer: OtelTracer, span: OtelSpan, originMs: number) {
    this.#tracer = tracer;
    this.#span = span;
    this.#originMs = originMs;
    ({ traceId: this.traceId, spanId: this.spanId } = span.spanContext());
  }

  setAttributes(attributes: SpanAttributes): void {
    this.#span.setAttributes(toAttributes(attributes));
  }

  addRequest({ name, startedAt, endedAt, attributes, error }: EndedOperation): void {
    const options = {
      kind: SpanKind.CLIENT,
      startTime: this.#originMs + startedAt,
      attributes: toAttributes({ ...attributes, 'error.type': error }),
    };
    const span = this.#tracer.startSpan(name, options, trace.setSpan(ROOT_CONTEXT, this.#span));
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(this.#originMs + endedAt);
  }

  end(code: string): void {
    const isError = SERVER_ERRORS.has(code);
    this.#span.setAttributes({ 'rpc.status_code': code, ...(isError && { 'error.type': code }) });
    if (isError) this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end(this.#originMs + performance.now());
  }
}

function toAttributes(attributes: SpanAttributes): Attributes {
  const present = Object.entries(attributes).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present.map(([name, value]) => [name, typeof value === 'string' ? cutOff(value) : value]));
}

/** A part of a string would keep the whole string in memory while the span waits, so it is copied. */
function cutOff(value: string): string {
  return value.length > MAX_ATTRIBUTE_LENGTH ? Buffer.from(value.slice(0, MAX_ATTRIBUTE_LENGTH)).toString() : value;
}
