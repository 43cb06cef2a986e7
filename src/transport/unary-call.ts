/** The gRPC status codes that calls end with here (https://grpc.github.io/grpc/core/md_doc_statuscodes.html). */
export const GrpcStatus = {
  OK: 0,
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;
export type GrpcStatus = (typeof GrpcStatus)[keyof typeof GrpcStatus];

const STATUS_NAMES = new Map<number, string>(Object.entries(GrpcStatus).map(([name, code]) => [code, name]));

/** Returns the name of a status, such as `NOT_FOUND`. */
export function nameStatus(code: GrpcStatus): string {
  return STATUS_NAMES.get(code) ?? String(code);
}

/**
 * One call of a unary method, as a transport passes it to the handler: the request is complete, the response is still
 * due. The handler ends each call once, with `reply` or `fail`. On a cancelled call both do nothing.
 */
export interface UnaryCall {
  /** `/package.Service/Method`, as the caller sent it. The method may not exist. */
  readonly path: string;
  /** The request message without gRPC's framing. Valid while the handler runs synchronously; copy it to keep it. */
  readonly message: Uint8Array;
  /** The caller's x-request-id; undefined: it sent none. */
  readonly requestId: string | undefined;
  /** The caller's span, as the header `traceparent` names it; undefined: it sent none. */
  readonly traceparent: string | undefined;
  /** When the caller stops waiting, in ms on the clock of performance.now(); undefined: it waits without a limit. */
  readonly deadline: number | undefined;
  /** Whether the caller has cancelled the call or disconnected. */
  readonly cancelled: boolean;
  /** Ends the call with a message. Copies the bytes before it returns, so the handler may reuse their memory. */
  reply(message: Uint8Array): void;
  /** Ends the call with a status and a message for the caller. */
  fail(status: GrpcStatus, message: string): void;
}

/**
 * Handles all calls that one turn of the event loop has completed, over all connections of a transport. It must not
 * throw, and it must end every call eventually. An error in one call must not affect another.
 */
export type BatchHandler = (calls: readonly UnaryCall[]) => void;

/** A call that arrived on a connection, with the parts of it that only some handlers need. */
export interface NetworkCall extends UnaryCall {
  /** IP address of the connection's peer: the client, or a proxy in front of it. */
  readonly peer: string;
  /** Reads the values of a header in the order in which they were sent. `name` is in lower case. */
  readHeader(name: string): readonly string[];
  /** Ends the call with a status. `details` is an encoded google.rpc.Status that describes it further. */
  fail(status: GrpcStatus, message: string, details?: Uint8Array): void;
}

/** A BatchHandler for calls that arrived on connections. */
export type NetworkBatchHandler = (calls: readonly NetworkCall[]) => void;
