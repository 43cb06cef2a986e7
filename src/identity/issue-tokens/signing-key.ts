import { randomBytes, randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, importJWK } from 'jose';
import type { JsonWebKey } from '../../domain/tokens/issuer-keys.ts';
import type { OwnAlgorithm } from '../../domain/tokens/token.ts';

/** A key that signs tokens of our own. */
export interface SigningKey {
  /** The header `kid` of its tokens. */
  readonly id: string;
  readonly algorithm: OwnAlgorithm;
  readonly privateJwk: JsonWebKey;
  /** Null: it has none, because it verifies and signs alike. */
  readonly publicJwk: JsonWebKey | null;
}

/** A key that is ready to sign. */
export interface Signer {
  readonly id: string;
  readonly algorithm: string;
  readonly key: CryptoKey | Uint8Array;
}

/** As long as the hash, which is the least that RFC 7518 allows. */
const SECRET_BYTES = 32;

/** RSA keys have 2048 bits. */
export async function generateSigningKey(algorithm: OwnAlgorithm): Promise<SigningKey> {
  const id = randomUUID();
  if (algorithm === 'HS256') {
    const privateJwk = { kty: 'oct', k: randomBytes(SECRET_BYTES).toString('base64url') };
    return { id, algorithm, privateJwk, publicJwk: null };
  }
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  return { id, algorithm, privateJwk: await jwkOf(privateKey), publicJwk: await jwkOf(publicKey) };
}

export async function createSigner(id: string, algorithm: string, privateJwk: JsonWebKey): Promise<Signer> {
  return { id, algorithm, key: await importJWK(privateJwk, algorithm) };
}

async function jwkOf(key: CryptoKey): Promise<JsonWebKey> {
  const { kty, ...members } = await exportJWK(key);
  if (kty === undefined) throw new Error('a key was exported without its type');
  return { kty, ...members };
}
