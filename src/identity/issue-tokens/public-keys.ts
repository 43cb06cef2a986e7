import type { JsonWebKeySet } from '../../domain/tokens/issuer-keys.ts';
import type { TokenTrust } from '../../domain/tokens/token.ts';

/**
 * The public keys in force, as RFC 7517 writes a key set, for whoever verifies tokens of ours. HS256 has none. `now` is
 * Unix time in ms.
 */
export function publicKeySet({ keys }: TokenTrust, now: number): JsonWebKeySet {
  return {
    keys: keys.flatMap(({ id, algorithm, publicJwk, expiresAt }) => {
      if (publicJwk === undefined || (expiresAt !== undefined && expiresAt <= now)) return [];
      return [{ ...publicJwk, kid: id, alg: algorithm, use: 'sig' }];
    }),
  };
}
