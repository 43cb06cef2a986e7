import { hash, randomBytes } from 'node:crypto';
import { formatApiKey } from '../../domain/credentials/api-key.ts';

const RANDOM_BYTES = 64;

/** A new API key, to be shown once and kept nowhere. */
export function makeApiKey(): string {
  for (;;) {
    const key = formatApiKey(randomBytes(RANDOM_BYTES));
    if (key !== undefined) return key;
  }
}

/**
 * Gives the digests that keys are stored and found by, in hex: SHA-256 over the pepper and the whole key. Keys have one
 * length and 131 random bits, so neither an HMAC nor a slow hash would add to it, and a slow one would be a way to take
 * the service down.
 */
export function apiKeyDigest(pepper: string): (key: string) => string {
  return (key) => hash('sha256', pepper + key, 'hex');
}
