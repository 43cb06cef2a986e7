import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { JsonWebKey } from '../../domain/issuers/issuer-keys.ts';

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

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
/** The length that NIST SP 800-38D recommends for GCM. Random nonces of this length are safe for 2^32 keys. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Prefix of a sealed key. The rest is base64url of nonce, tag and ciphertext. */
const VERSION_PREFIX = 'v1.';

/**
 * Creates a sealer that uses AES-256-GCM with a key derived from the secret by HKDF-SHA-256. The derivation is fast on
 * purpose, so the secret must be random (at least 32 characters), not a password that somebody chose.
 */
export function createSealer(secret: string): Sealer {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'weir signing key v1', KEY_BYTES));
  return {
    seal(name, jwk) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(encodeName(name));
      const ciphertext = Buffer.concat([cipher.update(JSON.stringify(jwk), 'utf8'), cipher.final()]);
      return VERSION_PREFIX + Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString('base64url');
    },
    open(name, sealed) {
      const encoded = sealed.startsWith(VERSION_PREFIX) ? sealed.slice(VERSION_PREFIX.length) : '';
      const bytes = Buffer.from(encoded, 'base64url');
      if (bytes.length <= NONCE_BYTES + TAG_BYTES) throw new CannotUnseal(name);
      const nonce = bytes.subarray(0, NONCE_BYTES);
      const tag = bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
      const ciphertext = bytes.subarray(NONCE_BYTES + TAG_BYTES);
      const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(encodeName(name)).setAuthTag(tag);
      try {
        const text = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
        return JSON.parse(text.toString('utf8')) as JsonWebKey; // authentic, so it is what `seal` was given
      } catch {
        throw new CannotUnseal(name);
      }
    },
  };
}

/** Encodes the name as additional authenticated data. */
function encodeName({ id, algorithm }: SealedKeyName): Buffer {
  return Buffer.from(JSON.stringify([id, algorithm]));
}
