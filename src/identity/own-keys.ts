import { type CryptoKey, importJWK } from 'jose';
import type { VerifyingKey } from '../core/token.ts';
import type { Sealer } from './sealed-key.ts';

/** Gives the key that verifies tokens of our own with this `kid` and algorithm; undefined: there is none in force. */
export type KeyOf = (
  id: string | undefined,
  algorithm: string | undefined,
) => Promise<CryptoKey | Uint8Array> | undefined;

/** Looks keys up in what the catalog trusts. Without a sealer no HS256 key can be opened. */
export function ownKeys(trusted: () => readonly VerifyingKey[], sealer: Sealer | undefined): KeyOf {
  const imported = new WeakMap<VerifyingKey, Promise<CryptoKey | Uint8Array>>();
  return (id, algorithm) => {
    const key = trusted().find((each) => each.id === id && each.algorithm === algorithm);
    if (key === undefined || (key.expiresAt !== undefined && key.expiresAt <= Date.now())) return undefined;
    const known = imported.get(key);
    if (known !== undefined) return known;
    const { publicJwk, sealedJwk } = key;
    const jwk = publicJwk ?? (sealedJwk === undefined ? undefined : sealer?.open(key, sealedJwk));
    if (jwk === undefined) return undefined;
    const importing = importJWK(jwk, key.algorithm);
    imported.set(key, importing);
    return importing;
  };
}
