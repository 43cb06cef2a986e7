import { randomBytes } from 'node:crypto';

const CHARACTERS = 14;

/**
 * What the requests on a new API key are counted by: 84 random bits in base64url. A key's id would do as well, but is so
 * long that the key's counters in Redis would take 230 bytes instead of 197 (docs/guarantees.md): a key of up to 31
 * bytes takes 32 there, one of 52 takes 64.
 */
export function newCounterId(): string {
  return randomBytes(11).toString('base64url').slice(0, CHARACTERS);
}
