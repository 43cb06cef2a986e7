import { compactVerify, errors, importJWK } from 'jose';
import type { Issuer } from '../../domain/issuers/issuer.ts';
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
import { TrackRecord } from './track-record.ts';
import type { TurnRequest } from './turn-lane.ts';
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

/** A token as far as it was read before its turn. */
interface ReadToken {
  readonly contents: UnverifiedToken | TokenFault;
  /** Version of the trusted signers that it was read by. */
  readonly trustVersion: number;
}

const UNAVAILABLE: ValidationResult = { kind: 'unavailable' };
const CROWDED_OUT: ValidationResult = { kind: 'crowded_out' };

/** Memory of a waiting token in addition to its text. */
const WAITING_OVERHEAD_BYTES = 1_024;

/**
 * Validates tokens against the trusted signers. Rejects whatever it can before it verifies a signature, which is the
 * expensive part.
 *
 * Tokens take turns in lanes: those that were verified before, those of senders who mostly send good tokens, those that
 * name an issuer of mostly good tokens (a lane for each), and all others. A token can name any issuer, so the history of
 * its sender comes first.
 */
export class TokenValidator {
  readonly #turns = new FairQueue();
  readonly #senders = new TrackRecord();
  /** By the id of the issuer; empty for Weir. */
  readonly #issuerRecords = new TrackRecord();
  readonly #getRemoteKeys: (issuer: Issuer) => KeyResolver;
  #trustVersion = 0;
  #ownIssuer = '';
  /** By the header `kid`. */
  #ownKeys = new Map<string, TrustedOwnKey>();
  /** By the claim `iss`. */
  #issuers = new Map<string, TrustedIssuer>();

  /** `getRemoteKeys` returns the keys of an issuer that does not have them in the catalog. */
  constructor(getRemoteKeys: (issuer: Issuer) => KeyResolver) {
    this.#getRemoteKeys = getRemoteKeys;
  }

  /** Replaces the trusted signers. */
  setTrust({ version, ownIssuer, issuers, keys }: MessageToWorker & { kind: 'trust' }): void {
    this.#trustVersion = version;
    this.#ownIssuer = ownIssuer;
    this.#ownKeys = new Map(keys.map((key) => [key.id, { algorithm: key.algorithm, keys: createOwnKeyResolver(key) }]));
    this.#issuers = new Map(
      issuers.flatMap((issuer) => {
        const { keys: source } = issuer;
        const keys = source.kind === 'static' ? createStaticKeyResolver(source.jwks) : this.#getRemoteKeys(issuer);
        return [issuer.issuer, ...issuer.aliases].map((iss) => [iss, { issuer, keys }] as const);
      }),
    );
  }

  /** Validates a token when it is its turn. Never rejects. */
  async validate(job: TokenJob): Promise<ValidationResult> {
    const read = this.#read(job.token);
    const turn = { lane: this.#chooseLane(job, read), sender: job.sender, weight: weigh(job) };
    if (!(await this.#turns.acquire(turn))) return CROWDED_OUT;
    let result = UNAVAILABLE;
    try {
      if (Date.now() < job.deadline) result = await this.#validateInTurn(job.token, read, turn);
    } catch (error) {
      // Any other error comes from jose: the key is unsuitable for the algorithm.
      if (!(error instanceof KeysUnavailable)) result = reject('weak_key');
    }
    this.#recordResult(job, read, result);
    this.#turns.release(turn, result.kind === 'rejected');
    return result;
  }

  #chooseLane({ sender, isRenewal }: TokenJob, { contents }: ReadToken): string {
    if (isRenewal) return 'renewals';
    if (this.#senders.isMostlyGood(sender)) return 'known senders';
    if (typeof contents === 'string') return 'others';
    const issuer = nameIssuer(contents);
    return this.#issuerRecords.isMostlyGood(issuer) ? `issuer ${issuer}` : 'others';
  }

  /** A result that says nothing about the token says nothing about its sender. */
  #recordResult({ sender }: TokenJob, { contents }: ReadToken, { kind }: ValidationResult): void {
    if (kind !== 'verified' && kind !== 'rejected') return;
    const isGood = kind === 'verified';
    if (sender !== '') this.#senders.record(sender, isGood);
    if (typeof contents !== 'string') this.#issuerRecords.record(nameIssuer(contents), isGood);
  }

  async #validateInTurn(token: string, read: ReadToken, turn: TurnRequest): Promise<ValidationResult> {
    const { contents: unverified, trustVersion } = read.trustVersion === this.#trustVersion ? read : this.#read(token);
    if (typeof unverified === 'string') return reject(unverified);
    const { header, contents, keys, keyId } = unverified;
    // The token may have expired while it waited.
    if (tokenStatus(contents, Date.now()) === 'expired') return reject('expired');
    const preparing = keys.prepare(header);
    if (preparing !== undefined) await this.#waitOutsideTurn(turn, preparing);
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
  async #waitOutsideTurn(turn: TurnRequest, preparing: Promise<void>): Promise<void> {
    this.#turns.release(turn, false);
    const [settled] = await Promise.allSettled([preparing]);
    if (!(await this.#turns.acquire(turn)))
      throw new KeysUnavailable('there is no room for tokens that waited for keys');
    if (settled.status === 'rejected') throw settled.reason;
  }

  #read(token: string): ReadToken {
    return { contents: this.#readContents(token), trustVersion: this.#trustVersion };
  }

  #readContents(token: string): UnverifiedToken | TokenFault {
    const compact = readCompactToken(token);
    if (typeof compact === 'string') return compact;
    const header = readTokenHeader(compact.header);
    if (typeof header === 'string') return header;
    const { claims } = compact;
    return claims.iss === this.#ownIssuer ? this.#readOwnToken(header, claims) : this.#readIssuerToken(header, claims);
  }

  #readOwnToken(header: TokenHeader, claims: CompactToken['claims']): UnverifiedToken | TokenFault {
    const key = header.keyId === undefined ? undefined : this.#ownKeys.get(header.keyId);
    if (key === undefined) return 'key';
    if (key.algorithm !== header.algorithm) return 'algorithm';
    const contents = readOwnClaims(claims, header.type, this.#ownIssuer);
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

function weigh({ token }: TokenJob): number {
  return token.length + WAITING_OVERHEAD_BYTES;
}

function nameIssuer({ contents }: UnverifiedToken): string {
  return contents.issuerId ?? '';
}

function reject(fault: TokenFault): ValidationResult {
  return { kind: 'rejected', fault };
}
