import { randomBytes, randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, importJWK } from 'jose';
import type { JsonWebKey, JsonWebKeySet } from '../../domain/issuers/issuer-keys.ts';
import type { OwnAlgorithm, TokenTrust } from '../../domain/tokens/token.ts';

/** A key that signs the tokens that Weir issues. */
export interface SigningKey {
  /** The header `kid` of its tokens. */
  readonly id: string;
  readonly algorithm: OwnAlgorithm;
  readonly privateJwk: JsonWebKey;
  /** null for HS256, where one key both signs and verifies. */
  readonly publicJwk: JsonWebKey | null;
}

/** A signing key that is imported and ready to sign. */
export interface Signer {
  readonly id: string;
  /** The claim `iss` of its tokens. */
  readonly issuer: string;
  readonly algorithm: string;
  readonly key: CryptoKey | Uint8Array;
}

/** As long as the hash of HS256: the minimum of RFC 7518, section 3.2. */
const HS256_SECRET_BYTES = 32;

/** Generates a key with a new id. RSA keys have 2048 bits. */
export async function generateSigningKey(algorithm: OwnAlgorithm): Promise<SigningKey> {
  const id = randomUUID();
  if (algorithm === 'HS256') {
    const privateJwk = { kty: 'oct', k: randomBytes(HS256_SECRET_BYTES).toString('base64url') };
    return { id, algorithm, privateJwk, publicJwk: null };
  }
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  return { id, algorithm, privateJwk: await exportKey(privateKey), publicJwk: await exportKey(publicKey) };
}

/** Imports a key. `issuer` is the claim `iss` of its tokens. */
export async function createSigner(
  { id, algorithm, privateJwk }: Pick<SigningKey, 'id' | 'privateJwk'> & { readonly algorithm: string },
  issuer: string,
): Promise<Signer> {
  return { id, issuer, algorithm, key: await importJWK(privateJwk, algorithm) };
}

/**
 * Builds the key set (RFC 7517) that Weir publishes for other verifiers of its tokens: the public keys that have not
 * expired. HS256 has no public keys. `now` is Unix time in ms.
 */
export function buildPublicKeySet({ keys }: TokenTrust, now: number): JsonWebKeySet {
  return {
    keys: keys.flatMap(({ id, algorithm, publicJwk, expiresAt }) => {
      if (publicJwk === undefined || (expiresAt !== undefined && expiresAt <= now)) return [];
      return [{ ...publicJwk, kid: id, alg: algorithm, use: 'sig' }];
    }),
  };
}

async function exportKey(key: CryptoKey): Promise<JsonWebKey> {
  const { kty, ...members } = await exportJWK(key);
  if (kty === undefined) throw new Error('kty: must be present in an exported key');
  return { kty, ...members };
}
