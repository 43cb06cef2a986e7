import { compactVerify, errors, importJWK } from 'jose';
import { readCompactToken, type TokenFault } from '../../domain/tokens/compact-token.ts';
import type { Issuer } from '../../domain/tokens/issuer.ts';
import { type VerifiedToken } from '../../domain/tokens/token.ts';
import { OWN_ISSUER } from '../../domain/tokens/issuer.ts';
import { readIssuerClaims, readOwnClaims } from '../../domain/tokens/token-claims.ts';
import { readTokenHeader, type TokenHeader } from '../../domain/tokens/token-header.ts';
import { tokenStatus } from '../../domain/tokens/token.ts';
import { FairQueue } from './fair-queue.ts';
import { type Key, KeysUnavailable, secretOf, staticKeys, type TokenKeys } from './verification-keys.ts';
import type { Judgement, OwnKey, TokenJob, ToWorker } from './worker-messages.ts';

interface TrustedIssuer {
  readonly issuer: Issuer;
  readonly keys: TokenKeys;
}

/** A token whose header and claims are such that its signature is worth looking at. */
interface Presented {
  readonly header: TokenHeader;
  readonly record: VerifiedToken;
  readonly keys: TokenKeys;
  /** The key of our own that its header names; undefined: it is an issuer's. */
  readonly keyId: string | undefined;
}

const UNAVAILABLE: Judgement = { kind: 'unavailable' };

/** Tells whose a token is. Whatever can be refused without its signature is. */
export class TokenJudge {
  readonly #turns = new FairQueue();
  readonly #keysOf: (issuer: Issuer) => TokenKeys;
  #version = 0;
  #own = new Map<string, { readonly algorithm: string; readonly keys: TokenKeys }>();
  #issuers = new Map<string, TrustedIssuer>();

  /** `keysOf` gives the keys of an issuer that are not in the catalog. */
  constructor(keysOf: (issuer: Issuer) => TokenKeys) {
    this.#keysOf = keysOf;
  }

  trust({ version, issuers, keys }: ToWorker & { kind: 'trust' }): void {
    this.#version = version;
    this.#own = new Map(keys.map((key) => [key.id, { algorithm: key.algorithm, keys: ownKeys(key) }]));
    this.#issuers = new Map(
      issuers.map((issuer) => {
        const keysOfIssuer = issuer.keys.kind === 'static' ? staticKeys(issuer.keys.jwks) : this.#keysOf(issuer);
        return [issuer.issuer, { issuer, keys: keysOfIssuer }];
      }),
    );
  }

  /** Never rejects. */
  async judge({ token, source, until }: TokenJob): Promise<Judgement> {
    await this.#turns.begin(source);
    let judgement = UNAVAILABLE;
    try {
      if (Date.now() < until) judgement = await this.#judged(token, source);
    } catch (error) {
      if (!(error instanceof KeysUnavailable)) judgement = bad('weak_key');
    }
    this.#turns.end(judgement.kind === 'bad');
    return judgement;
  }

  async #judged(token: string, source: string): Promise<Judgement> {
    const version = this.#version;
    const presented = this.#read(token);
    if (typeof presented === 'string') return bad(presented);
    const { header, record, keys, keyId } = presented;
    const preparing = keys.prepare(header);
    if (preparing !== undefined) await this.#aside(source, preparing);
    const found = await keys.find(header);
    if (found.length === 0) return bad('key');
    for (const key of found) {
      if (await isSignedBy(token, header.algorithm, key)) return { kind: 'good', token: record, keyId, version };
    }
    return bad('signature');
  }

  /** Others have their turn meanwhile: this may take as long as somebody else's server does. */
  async #aside(source: string, preparing: Promise<void>): Promise<void> {
    this.#turns.end(false);
    const settled = await Promise.allSettled([preparing]);
    await this.#turns.begin(source);
    if (settled[0].status === 'rejected') throw settled[0].reason;
  }

  #read(token: string): Presented | TokenFault {
    const compact = readCompactToken(token);
    if (typeof compact === 'string') return compact;
    const header = readTokenHeader(compact.header);
    if (typeof header === 'string') return header;
    const { claims } = compact;
    const presented =
      claims.iss === OWN_ISSUER ? this.#readOwn(header, claims) : this.#readIssuers(header, claims, claims.iss);
    if (typeof presented === 'string') return presented;
    return tokenStatus(presented.record, Date.now()) === 'expired' ? 'expired' : presented;
  }

  #readOwn(header: TokenHeader, claims: Parameters<typeof readOwnClaims>[0]): Presented | TokenFault {
    const key = header.keyId === undefined ? undefined : this.#own.get(header.keyId);
    if (key === undefined) return 'key';
    if (key.algorithm !== header.algorithm) return 'algorithm';
    const record = readOwnClaims(claims, header.type);
    return typeof record === 'string' ? record : { header, record, keys: key.keys, keyId: header.keyId };
  }

  #readIssuers(
    header: TokenHeader,
    claims: Parameters<typeof readIssuerClaims>[0],
    iss: unknown,
  ): Presented | TokenFault {
    const trusted = typeof iss === 'string' ? this.#issuers.get(iss) : undefined;
    if (trusted === undefined) return 'issuer';
    if (!trusted.issuer.algorithms.includes(header.algorithm)) return 'algorithm';
    const record = readIssuerClaims(claims, trusted.issuer);
    return typeof record === 'string' ? record : { header, record, keys: trusted.keys, keyId: undefined };
  }
}

function ownKeys({ algorithm, jwk }: OwnKey): TokenKeys {
  let importing: Promise<Key> | undefined;
  return {
    prepare: () => undefined,
    async find() {
      importing ??= algorithm === 'HS256' ? secretOf(jwk) : importJWK({ ...jwk }, algorithm);
      return [await importing];
    },
  };
}

/** Rejects where the key is unfit for the algorithm, as an RSA key of less than 2048 bits is. */
async function isSignedBy(token: string, algorithm: string, key: Key): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: [algorithm] });
    return true;
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed) return false;
    throw error;
  }
}

function bad(fault: TokenFault): Judgement {
  return { kind: 'bad', fault };
}
