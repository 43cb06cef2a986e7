/** gRPC status codes that Weir answers with (https://grpc.github.io/grpc/core/md_doc_statuscodes.html). */
export const GrpcStatus = {
  OK: 0,
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
} as const;
export type GrpcStatus = (typeof GrpcStatus)[keyof typeof GrpcStatus];

/**
 * One call of a unary method, as a transport hands it on: the request is complete, the answer outstanding. Exactly one
 * of `reply` and `fail` is called, once; on a cancelled call both do nothing.
 */
export interface UnaryCall {
  /** `/package.Service/Method`, as sent; it may name a method that does not exist. */
  readonly path: string;
  /** The request message, without gRPC's framing. Whoever keeps it beyond the handler's synchronous part copies it. */
  readonly message: Uint8Array;
  /** The caller's x-request-id, if it sent one. */
  readonly requestId: string | undefined;
  /** On the clock of performance.now(), in ms: after that nobody waits for the answer. */
  readonly deadline: number | undefined;
  /** Whether the caller has cancelled or gone away. */
  readonly cancelled: boolean;
  /** The bytes are taken over before it returns; the caller may use their memory again. */
  reply(message: Uint8Array): void;
  fail(status: GrpcStatus, message: string): void;
}

/**
 * Takes all calls that one turn of the event loop has completed, over all connections of a transport. It must not throw
 * and must answer every call in the end; one call's fault must not touch another.
 */
export type BatchHandler = (calls: readonly UnaryCall[]) => void;
