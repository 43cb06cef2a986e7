import type { OwnAlgorithm } from '../../domain/tokens/token.ts';
import type { Variables } from '../variables.ts';

/** Settings of Weir's own tokens. */
export interface TokenConfig {
  /** The claim `iss`. */
  readonly issuer: string;
  readonly algorithm: OwnAlgorithm;
  readonly keyRotationSeconds: number;
  readonly accessTokenSeconds: number;
  readonly refreshTokenSeconds: number;
  /** A sign-in ends after this time, however often it is refreshed. */
  readonly sessionMaxSeconds: number;
}

export function readTokenConfig(env: Variables): TokenConfig {
  return {
    issuer: env.TOKEN_ISSUER,
    algorithm: env.TOKEN_ALGORITHM,
    keyRotationSeconds: env.TOKEN_KEY_ROTATION,
    accessTokenSeconds: env.ACCESS_TOKEN_SECONDS,
    refreshTokenSeconds: env.REFRESH_TOKEN_SECONDS,
    sessionMaxSeconds: env.SESSION_MAX_SECONDS,
  };
}
