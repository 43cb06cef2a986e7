/** What becomes of a call whose number is limited. */
export type Admission =
  | { readonly kind: 'admitted' }
  | { readonly kind: 'refused'; readonly retryAfterSeconds: number }
  /** It cannot be told. */
  | { readonly kind: 'unknown' };

/** Limits how often calls may be made that anybody may make. */
export interface CallLimit {
  /** `call` names what is limited by itself; `peer` is the caller's IP address. */
  admit(call: string, peer: string): Promise<Admission>;
}
