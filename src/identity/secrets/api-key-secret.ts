import { hash, randomBytes } from 'node:crypto';
import { formatApiKey } from '../../domain/credentials/api-key.ts';

const RANDOM_BYTES = 64;
const COUNTER_ID_CHARACTERS = 14;

/** Generates a new API key. It is shown once and stored nowhere; the catalog has only its digest. */
export function generateApiKey(): string {
  for (;;) {
    const key = formatApiKey(randomBytes(RANDOM_BYTES));
    if (key !== undefined) return key;
  }
}

/**
 * Creates the function that computes the digest of an API key, in hex. Keys are stored and found by it: SHA-256 over
 * the pepper and the whole key. All keys have one length and 131 random bits, so neither an HMAC nor a slow hash would
 * make it any safer, and a slow hash would let anyone overload the service.
 */
export function createApiKeyDigester(pepper: string): (key: string) => string {
  return (key) => hash('sha256', pepper + key, 'hex');
}

/**
 * Computes the SHA-256 of a key that another service issued, in hex. The catalog's digest is that of this text
 * (domain/credentials/imported-key.ts).
 */
export function hashImportedKey(secret: string): string {
  return hash('sha256', secret, 'hex');
}

/**
 * Generates the id that the requests of a new API key are counted under: 84 random bits in base64url. The key's
 * resource id would do as well, but is longer: a counter in Redis would take 230 bytes instead of 197
 * (docs/guarantees.md), because Redis allocates 32 bytes for a name of up to 31 bytes, but 64 for one of 52.
 */
export function generateCounterId(): string {
  return randomBytes(11).toString('base64url').slice(0, COUNTER_ID_CHARACTERS);
}
