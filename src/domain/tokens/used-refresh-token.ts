/** A refresh token that was used, as it is stored. */
export interface UsedRefreshToken {
  /** Digest of the token, in base64url. */
  readonly digest: string;
  /** The answer, encrypted with a key that only the token yields. So the database holds no token in clear. */
  readonly sealedAnswer: string;
  /** Unix time in ms of the use. */
  readonly usedAt: number;
}
