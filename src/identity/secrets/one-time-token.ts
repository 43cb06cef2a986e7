import { hash, randomBytes } from 'node:crypto';

const RANDOM_BYTES = 32;
const FORMAT = /^wo_[A-Za-z0-9_-]{43}$/;

/** A secret that is used once. The database has only its digest. */
export interface OneTimeToken {
  readonly text: string;
  readonly tokenDigest: Buffer;
}

/** Generates a token in the form `wo_…` with 256 random bits. */
export function generateOneTimeToken(): OneTimeToken {
  const text = `wo_${randomBytes(RANDOM_BYTES).toString('base64url')}`;
  return { text, tokenDigest: computeDigest(text) };
}

/** Returns the digest that a token is found by; undefined: the text does not have the form of one. */
export function digestOneTimeToken(text: string): Buffer | undefined {
  return FORMAT.test(text) ? computeDigest(text) : undefined;
}

function computeDigest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
