/**
 * A change of who may use a credential, an account or a device. Nodes log it, and `weir restore-check` reads it from the
 * log: its field names are a format. It contains no secret.
 */
export interface AccessChange {
  readonly entity: 'api_key' | 'issuer' | 'signing_key' | 'revocation' | 'account' | 'device';
  readonly id: string;
  /** `expires`: its expiry changed. `revoked`: the revocation was recorded. */
  readonly state: 'deleted' | 'disabled' | 'enabled' | 'expires' | 'revoked' | 'blocked' | 'unblocked';
  /**
   * With `expires`: the new expiry, null: never. With `revoked`: when the last token that it covers expires. With
   * `blocked`: when the block of an account ends; a device has none. Unix time in ms.
   */
  readonly expiresAt?: number | null;
  /** With `revoked`: what was revoked, as Revocation describes it. `issuerId` is null for tokens that Weir issued. */
  readonly kind?: 'token' | 'session' | 'account';
  readonly value?: string;
  readonly issuerId?: string | null;
}

/** The message of the log line whose field `changes` lists access changes. */
export const ACCESS_CHANGE_MESSAGE = 'access changed';
