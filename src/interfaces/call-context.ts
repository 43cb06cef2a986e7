/** What a handler of the admin API may know of a call beside its request. */
export interface CallContext {
  /** The caller's x-request-id, else made. */
  readonly requestId: string;
  /** The header of that name. */
  readonly authorization: string | undefined;
  /** IP address of whoever made the connection: the client, or a proxy before it. */
  readonly peer: string;
}
