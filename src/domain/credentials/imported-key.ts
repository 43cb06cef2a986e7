/*
 * API keys that another service issued. Weir finds them by their SHA-256, which is all that some services keep of their
 * keys. The catalog stores the digest of that SHA-256's hex form, with the pepper, whether a key was imported as a secret
 * or as a digest. So a key is the same key in both forms, one lookup finds it, and the database alone verifies no guess.
 */

/** Lengths of imported keys, in UTF-16 code units. Others are never looked up, so that huge headers cost nothing. */
export const MIN_IMPORTED_KEY_LENGTH = 16;
export const MAX_IMPORTED_KEY_LENGTH = 256;

/** Whether a text has the length of an imported key. */
export function hasImportedKeyLength({ length }: string): boolean {
  return length >= MIN_IMPORTED_KEY_LENGTH && length <= MAX_IMPORTED_KEY_LENGTH;
}

const SHA_256_HEX = /^[0-9a-f]{64}$/i;
/** 32 bytes in base64 or base64url. The last of 43 characters has two unused bits, which must be zero. */
const SHA_256_BASE64 = /^[A-Za-z0-9+/_-]{42}[AEIMQUYcgkosw048]=?$/;

/** Reads a SHA-256 in hex, base64 or base64url. Returns it in lower-case hex, or undefined for any other text. */
export function parseSha256(text: string): string | undefined {
  if (SHA_256_HEX.test(text)) return text.toLowerCase();
  return SHA_256_BASE64.test(text) ? Buffer.from(text, 'base64url').toString('hex') : undefined;
}

/** Whether a text names SHA-256, in any of its spellings. Weir finds imported keys by no other digest. */
export function isSha256(algorithm: string): boolean {
  return /^sha[-_]?256$/i.test(algorithm);
}
