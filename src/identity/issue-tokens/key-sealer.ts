import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { JsonWebKey } from '../../domain/tokens/issuer-keys.ts';

/** Which key it is: bound to what is sealed, so that a sealed key is good under its own name only. */
export interface KeyName {
  readonly id: string;
  readonly algorithm: string;
}

/** Encrypts signing keys for the database. Nodes that have the same secret can open what the others sealed. */
export interface Sealer {
  seal(name: KeyName, key: JsonWebKey): string;
  /** Throws CannotOpen. */
  open(name: KeyName, sealed: string): JsonWebKey;
}

/** It was sealed with another secret, for another key, or was changed since. Tells nothing of what was sealed. */
export class CannotOpen extends Error {
  override readonly name = 'CannotOpen';
  constructor({ id }: KeyName) {
    super(`the signing key ${id} cannot be opened: it was sealed with another secret, or changed since`);
  }
}

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
/** As NIST SP 800-38D advises for GCM: random ones of that length are good for 2^32 keys. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** The form of what follows it: base64url of nonce, tag and ciphertext. */
const VERSION = 'v1.';

/**
 * By AES-256-GCM with a key that HKDF-SHA-256 makes of the secret. That is fast on purpose: the secret has to be random
 * (at least 32 characters), not a password that somebody thought of.
 */
export function createSealer(secret: string): Sealer {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'weir signing key v1', KEY_BYTES));
  return {
    seal(name, jwk) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(boundTo(name));
      const text = Buffer.concat([cipher.update(JSON.stringify(jwk), 'utf8'), cipher.final()]);
      return VERSION + Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url');
    },
    open(name, sealed) {
      const bytes = Buffer.from(sealed.startsWith(VERSION) ? sealed.slice(VERSION.length) : '', 'base64url');
      if (bytes.length <= NONCE_BYTES + TAG_BYTES) throw new CannotOpen(name);
      const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAAD(boundTo(name)).setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      try {
        const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
        return JSON.parse(text.toString('utf8')) as JsonWebKey; // what was authenticated is what was sealed
      } catch {
        throw new CannotOpen(name);
      }
    },
  };
}

function boundTo({ id, algorithm }: KeyName): Buffer {
  return Buffer.from(JSON.stringify([id, algorithm]));
}
