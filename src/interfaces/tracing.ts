/** Attributes of a span. They hold no secret, no account and no address. Names of routes and domains come from the call. undefined: left out. */
export type SpanAttributes = Readonly<Record<string, string | number | undefined>>;

/** An operation that has ended. Times are in ms on the clock of performance.now(). */
export interface EndedOperation {
  readonly name: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: SpanAttributes;
  /** The kind of the failure; undefined: it succeeded. */
  readonly error?: string | undefined;
}

/** The span of a call that is traced. Methods return at once and never throw. */
export interface Span {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  setAttributes(attributes: SpanAttributes): void;
  /** Adds a request that Weir has sent to another server for the call. */
  addRequest(request: EndedOperation): void;
  /** Ends the span. `code` is the name of the gRPC status, such as `NOT_FOUND`. */
  end(code: string): void;
}

/** Starts spans. */
export interface Tracer {
  /**
   * Starts the span of a call that was received. `path` is `/package.Service/Method`, `traceparent` the header of that name.
   * undefined: the call is not sampled.
   */
  startCall(path: string, traceparent: string | undefined): Span | undefined;
}

/** The fields that name a span in log lines. */
export function describeSpan(span: Span): { readonly trace_id: string; readonly span_id: string } {
  return { trace_id: span.traceId, span_id: span.spanId };
}
