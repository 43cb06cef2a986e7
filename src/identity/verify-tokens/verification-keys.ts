import { type CryptoKey, createLocalJWKSet, errors, importJWK } from 'jose';
import type { JsonWebKey, JsonWebKeySet } from '../../domain/tokens/issuer-keys.ts';
import type { TokenHeader } from '../../domain/tokens/token-header.ts';

export type Key = CryptoKey | Uint8Array;

/** Where the keys of an issuer come from. */
export interface TokenKeys {
  /** Settles once `find` can answer about this header; undefined: it can now. Rejects with KeysUnavailable. */
  prepare(header: TokenHeader): Promise<void> | undefined;
  /** The keys that may have signed, most likely one; empty: none is known. Rejects with a jose error where one is unfit. */
  find(header: TokenHeader): Promise<readonly Key[]>;
}

/** The keys of an issuer cannot be had now, so that it cannot be told whose a token is. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
}

/** RFC 7518, 3.2: a shared secret is no shorter than the hash. */
const SHORTEST_SECRET = 32;
/** Without a `kid` any key of the set may have signed; each that is tried costs a verification. */
const MOST_TRIED = 4;

/** Keys that stand in the catalog. */
export function staticKeys(set: JsonWebKeySet): TokenKeys {
  return { prepare: () => undefined, find: keysIn(set) };
}

/** A shared secret. Throws a jose error if it is too short. */
export async function secretOf(jwk: JsonWebKey): Promise<Key> {
  const key = await importJWK({ ...jwk }, 'HS256');
  const isLong = key instanceof Uint8Array && key.length >= SHORTEST_SECRET;
  if (!isLong) throw new errors.JWKInvalid(`a secret must have at least ${SHORTEST_SECRET} bytes`);
  return key;
}

/** Finds public keys by `kid`, if the header names one, and by what the algorithm needs. */
export function keysIn(set: JsonWebKeySet): TokenKeys['find'] {
  let find: ReturnType<typeof createLocalJWKSet> | undefined;
  return async ({ algorithm: alg, keyId: kid }) => {
    // Not before: what is no set of keys is a fault of the tokens that need it, and of nothing else.
    find ??= createLocalJWKSet({ keys: set.keys.map((key) => ({ ...key })) });
    try {
      return [await find({ alg, ...(kid !== undefined && { kid }) })];
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JOSENotSupported) return [];
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      const keys: Key[] = [];
      for await (const key of error) {
        keys.push(key);
        if (keys.length === MOST_TRIED) break;
      }
      return keys;
    }
  };
}
