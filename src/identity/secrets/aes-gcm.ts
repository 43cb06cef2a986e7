import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
/** The length that NIST SP 800-38D recommends for GCM. Random nonces of this length are safe for 2^32 texts. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Prefix of a sealed text. The rest is base64url of nonce, tag and ciphertext. */
const VERSION_PREFIX = 'v1.';

/**
 * Derives a key from a secret by HKDF-SHA-256. The derivation is fast on purpose, so the secret must be random, not a
 * password that somebody chose. Different purposes give independent keys.
 */
export function deriveKey(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', purpose, KEY_BYTES));
}

/** Encrypts a text with AES-256-GCM. Opening it takes the same associated data. */
export function sealText(key: Buffer, text: string, associatedData: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(associatedData));
  const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return VERSION_PREFIX + Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString('base64url');
}

/** Decrypts a sealed text. undefined: another key or other associated data sealed it, or it was changed since. */
export function openText(key: Buffer, sealed: string, associatedData: string): string | undefined {
  const encoded = sealed.startsWith(VERSION_PREFIX) ? sealed.slice(VERSION_PREFIX.length) : '';
  const bytes = Buffer.from(encoded, 'base64url');
  if (bytes.length <= NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(associatedData)).setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}
