/** The parts of an admin API call that a handler sees in addition to its request. */
export interface CallContext {
  /** The caller's x-request-id, or a generated id. */
  readonly requestId: string;
  /** The header of that name. */
  readonly authorization: string | undefined;
  /** IP address of the connection's peer: the client, or a proxy in front of it. */
  readonly peer: string;
}
