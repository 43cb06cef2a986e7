import { deriveKey, openText, sealText } from './aes-gcm.ts';

/** Encrypts secrets for the database or a cookie. A sealed secret opens for its own owner only. */
export interface TextSealer {
  /** `owner` is the id of the row, or the name of the cookie, that has the secret. */
  seal(owner: string, text: string): string;
  /** Returns undefined for a text that was sealed with a different secret or for another owner, or was changed since. */
  open(owner: string, sealed: string): string | undefined;
}

/** The use of a sealed text. A text that was sealed for one use does not open for another. */
export type SealedKind = 'totp secret' | 'webhook secret' | 'event secret' | 'console session';

/** Creates a sealer that uses AES-256-GCM with a key derived from the secret that also seals the signing keys. */
export function createTextSealer(secret: string, kind: SealedKind): TextSealer {
  const key = deriveKey(secret, `weir ${kind} v1`);
  return {
    seal: (owner, text) => sealText(key, text, owner),
    open: (owner, sealed) => openText(key, sealed, owner),
  };
}
