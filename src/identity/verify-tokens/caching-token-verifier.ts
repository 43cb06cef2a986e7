import { clientNetwork } from '../../domain/credentials/client-network.ts';
import type { Issuer } from '../../domain/issuers/issuer.ts';
import type { JsonWebKey } from '../../domain/issuers/issuer-keys.ts';
import type { HostList } from '../../domain/issuers/key-url.ts';
import type { TokenFault } from '../../domain/tokens/compact-token.ts';
import type { TokenTrust, Verification, VerificationKey } from '../../domain/tokens/token.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { TokenCache } from './token-cache.ts';
import { TokenWorkerHost } from './token-worker-host.ts';
import { VerificationQueue } from './verification-queue.ts';
import type { OwnVerificationKey, TokenJob, ValidationResult } from './worker-messages.ts';

export interface TokenVerifierOptions {
  /** Provides the trusted signers of the catalog: a new object after each change. */
  readonly trustSource: { readonly trust: TokenTrust };
  /** Opens the secret of a key without a public part. undefined: this node cannot open it. */
  openKey(key: VerificationKey): JsonWebKey | undefined;
  readonly log: Logger;
  /** Hosts from which keys of issuers may be fetched over plain http. */
  readonly insecureHosts: HostList;
  /** Hosts that may have addresses which are not of the public Internet, to fetch keys of issuers from. */
  readonly privateHosts: HostList;
  /** The claim `iss` of Weir's own tokens. */
  readonly ownIssuer: string;
  /** Longer tokens are malformed. Callers reject them (`looksLikeToken`) before they call `verify`. */
  readonly maxTokenBytes: number;
  /** Whether the thread that verifies starts with the first token, which then waits for it. */
  readonly startsLazily: boolean;
  /** Called for each rejected token with the reason, for the metrics. Not called when a cached rejection is reused. */
  onRejected(fault: TokenFault): void;
}

type TrustedSigner = Issuer | VerificationKey;

/** A token whose signature is valid. It stays verified while its signer is trusted. */
interface VerifiedEntry {
  readonly kind: 'verified';
  readonly text: string;
  readonly token: (Verification & { kind: 'verified' })['token'];
  readonly issuer: Issuer | undefined;
  readonly signer: TrustedSigner;
  /** The trusted signers at the time of the last check that `signer` is one of them. */
  trust: TokenTrust;
  /** Unix time in ms from which the token must be verified again. */
  readonly validUntil: number;
}

type RejectedEntry = Verification & { kind: 'rejected' } & { readonly text: string; readonly validUntil: number };

const VERIFIED_CACHE_BYTES = 64 * 1024 * 1024;
/** Separate from the verified tokens, so that a flood of forgeries does not evict them. */
const REJECTED_CACHE_BYTES = 4 * 1024 * 1024;
/** Time within which a token must be verified. Envoy waits 200 ms for a Check unless it is configured otherwise. */
const TIMEOUT_MS = 1_000;
/** The first token also waits for the thread, which takes seconds on a processor that others use. */
const LAZY_TIMEOUT_MS = 5_000;
/** Tokens of external issuers are verified again after this time: the issuer may have withdrawn the key. */
const ISSUER_TOKEN_LIFETIME_MS = 5 * 60_000;
/** Short, because a key may be new and become known later. */
const REJECTION_LIFETIME_MS = 10_000;

const UNAVAILABLE = { kind: 'unavailable' } as const;
/** Faults of a token that is not a JWT in a form that Weir reads. */
const MALFORMED_FAULTS: readonly TokenFault[] = [
  'not_compact',
  'encrypted',
  'not_base64url',
  'not_utf8',
  'not_json',
  'duplicate_member',
];

/**
 * Verifies tokens and caches the results. Implements the port `TokenVerifier` of decide/. Signatures are verified in a
 * worker thread: one takes as long as twenty decisions, and a forgery costs as much as a valid token.
 */
export class CachingTokenVerifier {
  readonly #options: TokenVerifierOptions;
  readonly #verified = new TokenCache<VerifiedEntry>(VERIFIED_CACHE_BYTES);
  readonly #rejected = new TokenCache<RejectedEntry>(REJECTED_CACHE_BYTES);
  readonly #queue: VerificationQueue;
  readonly #worker: TokenWorkerHost;
  /** Jobs to send to the worker at the end of this turn of the event loop. */
  #unsentJobs: TokenJob[] = [];
  /** Ids of the issuers whose keys could not be fetched the last time. */
  readonly #unreachableIssuers = new Set<string>();
  /** The trusted signers that the worker has. undefined: the worker is new and has none. */
  #sentTrust: TokenTrust | undefined;
  #sentTrustVersion = 0;
  #trust: TokenTrust;
  /** The signers in `#trust`. */
  #signers: ReadonlySet<TrustedSigner>;

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
    this.#queue = new VerificationQueue(options.startsLazily ? LAZY_TIMEOUT_MS : TIMEOUT_MS);
    this.#trust = options.trustSource.trust;
    this.#signers = collectSigners(this.#trust);
    this.#worker = new TokenWorkerHost(
      {
        settings: { insecureHosts: options.insecureHosts, privateHosts: options.privateHosts },
        startsLazily: options.startsLazily,
      },
      {
        log: options.log,
        onResults: (results) => {
          for (const { id, result } of results) this.#queue.finish(id, result);
        },
        onKeyFetch: (issuerId, isSuccess) => void this.#unreachableIssuers[isSuccess ? 'delete' : 'add'](issuerId),
        onEnd: () => {
          this.#sentTrust = undefined;
          this.#unreachableIssuers.clear();
          this.#queue.abandonAll();
        },
      },
    );
  }

  /** How many trusted issuers there are whose keys could not be fetched the last time. */
  get unreachableIssuers(): number {
    const { issuers } = this.#options.trustSource.trust;
    return issuers.filter(({ id }) => this.#unreachableIssuers.has(id)).length;
  }

  get ownIssuer(): string {
    return this.#options.ownIssuer;
  }

  get maxTokenBytes(): number {
    return this.#options.maxTokenBytes;
  }

  /** Returns the cached verification of a token. undefined: `verify` has to run. `now` is Unix time in ms. */
  cached(token: string, now: number): Verification | undefined {
    this.#refreshTrust();
    // An entry that must be verified again stays, because it gives the token precedence then (`isRenewal`).
    const verified = this.#verified.get(token);
    if (verified !== undefined && now < verified.validUntil && this.#isSignerTrusted(verified)) return verified;
    const rejected = this.#rejected.get(token);
    return rejected !== undefined && now < rejected.validUntil ? rejected : undefined;
  }

  /**
   * Verifies a token. Calls `done` once, at once or within a second, with kind `unavailable` if the token cannot be
   * verified now. `address` is the IP address of the sender, empty if it is unknown. All senders of an IPv6 network
   * (/64) take turns as one, because one client has all of its addresses.
   */
  verify(token: string, address: string, done: (verification: Verification) => void): void {
    const isRenewal = this.#verified.get(token) !== undefined;
    const added = { token, sender: clientNetwork(address), isRenewal };
    const job = this.#queue.add(added, (result) => done(this.#cacheResult(token, result)));
    if (job !== undefined && this.#unsentJobs.push(job) === 1) queueMicrotask(() => this.#sendJobs());
  }

  async close(): Promise<void> {
    this.#queue.close();
    await this.#worker.close();
  }

  /** Sends one message with all jobs of this turn. */
  #sendJobs(): void {
    const jobs = this.#unsentJobs;
    this.#unsentJobs = [];
    const isSent = this.#sendTrust() && this.#worker.send({ kind: 'jobs', jobs });
    if (!isSent) for (const { id } of jobs) this.#queue.finish(id, UNAVAILABLE);
  }

  /** Sends the trusted signers if the worker has others. Returns whether the worker has them. */
  #sendTrust(): boolean {
    this.#refreshTrust();
    if (this.#sentTrust === this.#trust) return true;
    const { issuers } = this.#trust;
    const keys = this.#trust.keys.flatMap((key) => this.#openKey(key));
    const version = this.#sentTrustVersion + 1;
    if (!this.#worker.send({ kind: 'trust', version, ownIssuer: this.ownIssuer, issuers, keys })) return false;
    this.#sentTrust = this.#trust;
    this.#sentTrustVersion = version;
    return true;
  }

  /** Returns no key if this node cannot open it. */
  #openKey(key: VerificationKey): OwnVerificationKey[] {
    const { id, algorithm } = key;
    try {
      const jwk = key.publicJwk ?? this.#options.openKey(key);
      return jwk === undefined ? [] : [{ id, algorithm, jwk }];
    } catch (error) {
      this.#options.log.error({ key: id, err: error }, 'could not open a signing key; rejecting its tokens');
      return [];
    }
  }

  #cacheResult(text: string, result: ValidationResult): Verification {
    // Another caller may have waited for the same token and come first.
    const cached = this.cached(text, Date.now());
    if (cached !== undefined) return cached;
    if (result.kind === 'unavailable' || result.kind === 'crowded_out') return UNAVAILABLE;
    if (result.kind === 'rejected') return this.#cacheRejection(text, result.fault);
    const signer = this.#findSigner(result);
    if (signer === undefined) return UNAVAILABLE;
    const [issuer, validUntil] = isIssuer(signer)
      ? [signer, Date.now() + ISSUER_TOKEN_LIFETIME_MS]
      : [undefined, signer.expiresAt ?? Number.POSITIVE_INFINITY];
    // The worker uses a key of Weir for as long as it is in the catalog, even if it has expired.
    if (Date.now() >= validUntil) return this.#cacheRejection(text, 'key');
    const { token } = result;
    const entry: VerifiedEntry = { kind: 'verified', text, token, issuer, signer, trust: this.#trust, validUntil };
    this.#verified.set(entry);
    return entry;
  }

  #cacheRejection(text: string, fault: TokenFault): RejectedEntry {
    this.#options.onRejected(fault);
    const verified = this.#verified.get(text);
    if (verified !== undefined) this.#verified.delete(verified);
    const reason = MALFORMED_FAULTS.includes(fault) ? 'malformed' : fault === 'expired' ? 'expired' : 'unknown';
    const validUntil = Date.now() + REJECTION_LIFETIME_MS;
    const entry: RejectedEntry = { kind: 'rejected', code: `${reason}_credential`, fault, text, validUntil };
    this.#rejected.set(entry);
    return entry;
  }

  /**
   * Finds the signer of a verified token. undefined: the trusted signers have changed since the worker validated the
   * token, so this signer may have changed or lost its trust.
   */
  #findSigner({ token, keyId, trustVersion }: ValidationResult & { kind: 'verified' }): TrustedSigner | undefined {
    if (this.#sentTrust !== this.#trust || trustVersion !== this.#sentTrustVersion) return undefined;
    const { issuers, keys } = this.#trust;
    if (token.issuerId !== undefined) return issuers.find(({ id }) => id === token.issuerId);
    return keys.find(({ id }) => id === keyId);
  }

  #isSignerTrusted(entry: VerifiedEntry): boolean {
    if (entry.trust === this.#trust) return true;
    if (!this.#signers.has(entry.signer)) return false;
    entry.trust = this.#trust;
    return true;
  }

  /** Takes over the current signers of the catalog. A rejected token may have been signed by a new one. */
  #refreshTrust(): void {
    const { trust } = this.#options.trustSource;
    if (trust === this.#trust) return;
    this.#trust = trust;
    this.#signers = collectSigners(trust);
    this.#rejected.clear();
  }
}

function isIssuer(signer: TrustedSigner): signer is Issuer {
  return 'audiences' in signer;
}

function collectSigners({ issuers, keys }: TokenTrust): ReadonlySet<TrustedSigner> {
  return new Set<TrustedSigner>([...issuers, ...keys]);
}
