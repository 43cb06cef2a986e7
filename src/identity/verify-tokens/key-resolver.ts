import { type CryptoKey, createLocalJWKSet, errors, importJWK } from 'jose';
import type { JsonWebKey, JsonWebKeySet } from '../../domain/issuers/issuer-keys.ts';
import type { TokenHeader } from '../../domain/tokens/token-header.ts';

export type CryptographicKey = CryptoKey | Uint8Array;

/** Finds the keys of one signer by the header of a token. */
export interface KeyResolver {
  /**
   * Resolves when `find` can answer for this header. undefined: it can answer now. Rejects with KeysUnavailable if the
   * keys cannot be fetched.
   */
  prepare(header: TokenHeader): Promise<void> | undefined;
  /**
   * Returns the keys that may have signed the token: in most cases one, none if no key matches. Rejects with a jose
   * error if a key is unsuitable for the algorithm.
   */
  find(header: TokenHeader): Promise<readonly CryptographicKey[]>;
}

/** The keys of an issuer are unavailable at the moment, so its tokens can be neither verified nor rejected. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
}

/** RFC 7518, section 3.2: a shared secret is at least as long as the hash. */
const MIN_SECRET_BYTES = 32;
/** If the header has no `kid`, any key of the set may have signed. Each key that is tried costs a verification. */
const MAX_TRIED_KEYS = 4;

/** Creates a resolver for keys that are stored in the catalog. */
export function createStaticKeyResolver(set: JsonWebKeySet): KeyResolver {
  return { prepare: () => undefined, find: createKeyFinder(set) };
}

/** Imports a shared secret. Rejects with a jose error if it is too short. */
export async function importSecret(jwk: JsonWebKey): Promise<CryptographicKey> {
  const key = await importJWK({ ...jwk }, 'HS256');
  const isLongEnough = key instanceof Uint8Array && key.length >= MIN_SECRET_BYTES;
  if (!isLongEnough) throw new errors.JWKInvalid(`a secret must have at least ${MIN_SECRET_BYTES} bytes`);
  return key;
}

/** Creates a function that finds public keys by `kid`, if the header has one, and by what the algorithm requires. */
export function createKeyFinder(set: JsonWebKeySet): KeyResolver['find'] {
  let findKey: ReturnType<typeof createLocalJWKSet> | undefined;
  return async ({ algorithm: alg, keyId: kid }) => {
    // Not earlier: if the set is malformed, that is a fault of the tokens that need it and of nothing else.
    findKey ??= createLocalJWKSet({ keys: set.keys.map((key) => ({ ...key })) });
    try {
      return [await findKey({ alg, ...(kid !== undefined && { kid }) })];
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JOSENotSupported) return [];
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      const keys: CryptographicKey[] = [];
      for await (const key of error) {
        keys.push(key);
        if (keys.length === MAX_TRIED_KEYS) break;
      }
      return keys;
    }
  };
}
