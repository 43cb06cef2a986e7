import { compactVerify, errors, importJWK } from 'jose';
import { type Issuer, OWN_ISSUER } from '../../domain/issuers/issuer.ts';
import { type CompactToken, readCompactToken, type TokenFault } from '../../domain/tokens/compact-token.ts';
import { tokenStatus, type VerifiedToken } from '../../domain/tokens/token.ts';
import { readIssuerClaims, readOwnClaims } from '../../domain/tokens/token-claims.ts';
import { readTokenHeader, type TokenHeader } from '../../domain/tokens/token-header.ts';
import { FairQueue } from './fair-queue.ts';
import {
  type CryptographicKey,
  createStaticKeyResolver,
  importSecret,
  type KeyResolver,
  KeysUnavailable,
} from './key-resolver.ts';
import type { MessageToWorker, OwnVerificationKey, TokenJob, ValidationResult } from './worker-messages.ts';

interface TrustedIssuer {
  readonly issuer: Issuer;
  readonly keys: KeyResolver;
}

interface TrustedOwnKey {
  readonly algorithm: string;
  readonly keys: KeyResolver;
}

/** A token that is valid in all respects but its signature, which is not verified yet. */
interface UnverifiedToken {
  readonly header: TokenHeader;
  readonly contents: VerifiedToken;
  readonly keys: KeyResolver;
  /** Key of Weir that the header names. undefined: the token is of an external issuer. */
  readonly keyId: string | undefined;
}

const UNAVAILABLE: ValidationResult = { kind: 'unavailable' };

/**
 * Validates tokens against the trusted signers. Rejects whatever it can before it verifies a signature, which is the
 * expensive part.
 */
export class TokenValidator {
  readonly #turns = new FairQueue();
  readonly #getRemoteKeys: (issuer: Issuer) => KeyResolver;
  #trustVersion = 0;
  /** By the header `kid`. */
  #ownKeys = new Map<string, TrustedOwnKey>();
  /** By the claim `iss`. */
  #issuers = new Map<string, TrustedIssuer>();

  /** `getRemoteKeys` returns the keys of an issuer that does not have them in the catalog. */
  constructor(getRemoteKeys: (issuer: Issuer) => KeyResolver) {
    this.#getRemoteKeys = getRemoteKeys;
  }

  /** Replaces the trusted signers. */
  setTrust({ version, issuers, keys }: MessageToWorker & { kind: 'trust' }): void {
    this.#trustVersion = version;
    this.#ownKeys = new Map(keys.map((key) => [key.id, { algorithm: key.algorithm, keys: createOwnKeyResolver(key) }]));
    this.#issuers = new Map(
      issuers.flatMap((issuer) => {
        const { keys: source } = issuer;
        const keys = source.kind === 'static' ? createStaticKeyResolver(source.jwks) : this.#getRemoteKeys(issuer);
        return [issuer.issuer, ...issuer.aliases].map((iss) => [iss, { issuer, keys }] as const);
      }),
    );
  }

  /** Validates a token when it is its sender's turn. Never rejects. */
  async validate({ token, sender, deadline }: TokenJob): Promise<ValidationResult> {
    await this.#turns.acquire(sender);
    let result = UNAVAILABLE;
    try {
      if (Date.now() < deadline) result = await this.#validateInTurn(token, sender);
    } catch (error) {
      // Any other error comes from jose: the key is unsuitable for the algorithm.
      if (!(error instanceof KeysUnavailable)) result = reject('weak_key');
    }
    this.#turns.release(result.kind === 'rejected');
    return result;
  }

  async #validateInTurn(token: string, sender: string): Promise<ValidationResult> {
    const trustVersion = this.#trustVersion;
    const unverified = this.#readToken(token);
    if (typeof unverified === 'string') return reject(unverified);
    const { header, contents, keys, keyId } = unverified;
    const preparing = keys.prepare(header);
    if (preparing !== undefined) await this.#waitOutsideTurn(sender, preparing);
    const candidates = await keys.find(header);
    if (candidates.length === 0) return reject('key');
    for (const key of candidates) {
      if (await isSignedBy(token, header.algorithm, key)) {
        return { kind: 'verified', token: contents, keyId, trustVersion };
      }
    }
    return reject('signature');
  }

  /** Lets others have their turn meanwhile, because this can take as long as another party's server takes. */
  async #waitOutsideTurn(sender: string, preparing: Promise<void>): Promise<void> {
    this.#turns.release(false);
    const [settled] = await Promise.allSettled([preparing]);
    await this.#turns.acquire(sender);
    if (settled.status === 'rejected') throw settled.reason;
  }

  #readToken(token: string): UnverifiedToken | TokenFault {
    const compact = readCompactToken(token);
    if (typeof compact === 'string') return compact;
    const header = readTokenHeader(compact.header);
    if (typeof header === 'string') return header;
    const { claims } = compact;
    const unverified =
      claims.iss === OWN_ISSUER ? this.#readOwnToken(header, claims) : this.#readIssuerToken(header, claims);
    if (typeof unverified === 'string') return unverified;
    return tokenStatus(unverified.contents, Date.now()) === 'expired' ? 'expired' : unverified;
  }

  #readOwnToken(header: TokenHeader, claims: CompactToken['claims']): UnverifiedToken | TokenFault {
    const key = header.keyId === undefined ? undefined : this.#ownKeys.get(header.keyId);
    if (key === undefined) return 'key';
    if (key.algorithm !== header.algorithm) return 'algorithm';
    const contents = readOwnClaims(claims, header.type);
    return typeof contents === 'string' ? contents : { header, contents, keys: key.keys, keyId: header.keyId };
  }

  #readIssuerToken(header: TokenHeader, claims: CompactToken['claims']): UnverifiedToken | TokenFault {
    const { iss } = claims;
    const trusted = typeof iss === 'string' ? this.#issuers.get(iss) : undefined;
    if (trusted === undefined) return 'issuer';
    if (!trusted.issuer.algorithms.includes(header.algorithm)) return 'algorithm';
    const contents = readIssuerClaims(claims, trusted.issuer);
    return typeof contents === 'string' ? contents : { header, contents, keys: trusted.keys, keyId: undefined };
  }
}

/** Creates a resolver for one key of Weir. The key is imported when the first token needs it. */
function createOwnKeyResolver({ algorithm, jwk }: OwnVerificationKey): KeyResolver {
  let importing: Promise<CryptographicKey> | undefined;
  return {
    prepare: () => undefined,
    async find() {
      importing ??= algorithm === 'HS256' ? importSecret(jwk) : importJWK({ ...jwk }, algorithm);
      return [await importing];
    },
  };
}

/** Rejects if the key is unsuitable for the algorithm, such as an RSA key of less than 2048 bits. */
async function isSignedBy(token: string, algorithm: string, key: CryptographicKey): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: [algorithm] });
    return true;
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed) return false;
    throw error;
  }
}

function reject(fault: TokenFault): ValidationResult {
  return { kind: 'rejected', fault };
}
