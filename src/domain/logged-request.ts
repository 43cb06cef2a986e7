/** A request that Envoy has answered, as the request log stores it. Texts are bounded, and can be stored in Postgres. */
export interface LoggedRequest {
  /** When the request began, by the clock of Envoy. Unix time in ms. */
  readonly timeMs: number;
  /** Empty: the request had no id. */
  readonly requestId: string;
  /** Id of the account; undefined: the request had no valid credential. */
  readonly accountId: string | undefined;
  /** Id of the API key; undefined: it had none. */
  readonly apiKeyId: string | undefined;
  /** Id of the plan; undefined: there was none. */
  readonly planId: string | undefined;
  readonly route: string;
  readonly method: string;
  /** Without its query, which may contain a secret. */
  readonly path: string;
  /** 0: the client left before there was one. */
  readonly status: number;
  /** The code with which Weir denied the request; empty: it did not. */
  readonly code: string;
  readonly durationMs: number;
  /** Bytes of the bodies. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** IP address of the client. */
  readonly peer: string;
  readonly userAgent: string;
}
