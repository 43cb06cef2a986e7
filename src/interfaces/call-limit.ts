/** Result of asking a call limit. */
export type Admission =
  | { readonly kind: 'admitted' }
  | { readonly kind: 'rejected'; readonly retryAfterSeconds: number }
  /** The counters are unavailable, so the limit cannot decide. */
  | { readonly kind: 'unknown' };

/** Limits how often anyone may make calls that need no credential. */
export interface CallLimit {
  /** Counts one call. `call` names the limited method; `peer` is the caller's IP address. */
  admit(call: string, peer: string): Promise<Admission>;
}
