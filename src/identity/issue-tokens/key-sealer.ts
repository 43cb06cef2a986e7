import type { JsonWebKey } from '../../domain/issuers/issuer-keys.ts';
import { deriveKey, openText, sealText } from '../secrets/aes-gcm.ts';

/** Identity of a sealed key. It is authenticated along with the key, so a sealed key opens under its own name only. */
export interface SealedKeyName {
  readonly id: string;
  readonly algorithm: string;
}

/** Encrypts signing keys for the database. Nodes with the same secret can open what the others sealed. */
export interface Sealer {
  seal(name: SealedKeyName, key: JsonWebKey): string;
  /** Throws CannotUnseal. */
  open(name: SealedKeyName, sealed: string): JsonWebKey;
}

/**
 * Thrown for a key that was sealed with a different secret or under a different name, or was changed since. The message
 * reveals nothing of the key.
 */
export class CannotUnseal extends Error {
  override readonly name = 'CannotUnseal';

  constructor({ id }: SealedKeyName) {
    super(`cannot open signing key ${id}: it was sealed with a different secret, or changed since`);
  }
}

/**
 * Creates a sealer that uses AES-256-GCM with a key derived from the secret. The secret must be random: at least 32
 * characters.
 */
export function createSealer(secret: string): Sealer {
  const key = deriveKey(secret, 'weir signing key v1');
  return {
    seal: (name, jwk) => sealText(key, JSON.stringify(jwk), encodeName(name)),
    open(name, sealed) {
      const text = openText(key, sealed, encodeName(name));
      if (text === undefined) throw new CannotUnseal(name);
      return JSON.parse(text) as JsonWebKey; // authentic, so it is what `seal` was given
    },
  };
}

/** Encodes the name as additional authenticated data. */
function encodeName({ id, algorithm }: SealedKeyName): string {
  return JSON.stringify([id, algorithm]);
}
