import type { TokenFault } from '../../domain/tokens/compact-token.ts';
import type { Issuer } from '../../domain/tokens/issuer.ts';
import type { JsonWebKey } from '../../domain/tokens/issuer-keys.ts';
import type { TokenTrust, Verification, VerificationKey } from '../../domain/tokens/token.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { TokenCache } from './token-cache.ts';
import { TokenWorkerHost } from './token-worker-host.ts';
import { VerificationQueue } from './verification-queue.ts';
import type { Judgement, OwnKey, TokenJob } from './worker-messages.ts';

export interface TokenVerifierParts {
  /** The catalog's: another object after each change. */
  readonly trusted: { readonly trust: TokenTrust };
  /** The secret of a key that has no public part; undefined: it cannot be opened here. */
  openKey(key: VerificationKey): JsonWebKey | undefined;
  readonly log: Logger;
  /** Notes that a token was refused, and why: for metrics. */
  onRefused(fault: TokenFault): void;
}

type Signer = Issuer | VerificationKey;

/** A token whose signature is good, as long as its signer is trusted. */
interface GoodToken {
  readonly kind: 'good';
  readonly text: string;
  readonly token: (Verification & { kind: 'good' })['token'];
  readonly issuer: Issuer | undefined;
  readonly signer: Signer;
  /** By which its signer was last seen to be trusted. */
  trust: TokenTrust;
  /** Unix time in ms: from then on it has to be verified again. */
  readonly until: number;
}

type BadToken = Verification & { kind: 'bad' } & { readonly text: string; readonly until: number };

const GOOD_BYTES = 64 * 1024 * 1024;
/** Apart from the good ones, so that a flood of forgeries does not push these out. */
const BAD_BYTES = 4 * 1024 * 1024;
/** ms after which a token is verified again whose issuer may have withdrawn the key. */
const GOOD_LIFE = 5 * 60_000;
/** A key may be new, and known only later. */
const BAD_LIFE = 10_000;

/** Said of a token, and answered about it. */
const UNAVAILABLE = { kind: 'unavailable' } as const;
const MALFORMED: readonly TokenFault[] = [
  ...(['too_long', 'not_compact', 'encrypted', 'not_base64url', 'not_utf8', 'not_json'] as const),
  'duplicate_member',
];

/**
 * Tells whose tokens are, and remembers it. Signatures are verified in a thread of its own: one takes as long as twenty
 * decisions, and each forgery costs as much as a good one.
 */
export class TokenVerifier {
  readonly #parts: TokenVerifierParts;
  readonly #good = new TokenCache<GoodToken>(GOOD_BYTES);
  readonly #bad = new TokenCache<BadToken>(BAD_BYTES);
  readonly #jobs = new VerificationQueue();
  readonly #thread: TokenWorkerHost;
  /** To be sent at the end of this turn. */
  #unsent: TokenJob[] = [];
  /** What the thread was sent last; undefined: it is a new one. */
  #sentTrust: TokenTrust | undefined;
  #sentVersion = 0;
  /** What `#signers` was made of. */
  #trust: TokenTrust;
  #signers: ReadonlySet<Signer>;

  constructor(parts: TokenVerifierParts) {
    this.#parts = parts;
    this.#trust = parts.trusted.trust;
    this.#signers = signersOf(this.#trust);
    this.#thread = new TokenWorkerHost({
      log: parts.log,
      onResults: (results) => {
        for (const { id, judgement } of results) this.#finish(id, judgement);
      },
      onEnd: () => {
        this.#sentTrust = undefined;
        this.#jobs.giveUp();
      },
    });
  }

  /** What is known of a token, without waiting; undefined: `verify` has to find out. `now` is Unix time in ms. */
  cached(token: string, now: number): Verification | undefined {
    this.#seeTrust();
    const good = this.#good.get(token);
    if (good !== undefined) {
      if (now < good.until && this.#isTrusted(good)) return good;
      this.#good.delete(good);
    }
    const bad = this.#bad.get(token);
    return bad !== undefined && now < bad.until ? bad : undefined;
  }

  /** Calls back once, at once or within a second, perhaps that it cannot be told. `source` tells senders apart. */
  verify(token: string, source: string, done: (verification: Verification) => void): void {
    const job = this.#jobs.add(token, source, (judgement) => done(this.#remember(token, judgement)));
    if (job !== undefined && this.#unsent.push(job) === 1) queueMicrotask(() => this.#send());
  }

  async close(): Promise<void> {
    this.#jobs.close();
    await this.#thread.close();
  }

  /** One message for all tokens of a turn. */
  #send(): void {
    const jobs = this.#unsent;
    this.#unsent = [];
    const isSent = this.#sendTrust() && this.#thread.send({ kind: 'jobs', jobs });
    if (!isSent) for (const { id } of jobs) this.#finish(id, UNAVAILABLE);
  }

  #sendTrust(): boolean {
    this.#seeTrust();
    if (this.#sentTrust === this.#trust) return true;
    const { issuers, keys } = this.#trust;
    const version = this.#sentVersion + 1;
    if (!this.#thread.send({ kind: 'trust', version, issuers, keys: keys.flatMap((key) => this.#open(key)) }))
      return false;
    this.#sentTrust = this.#trust;
    this.#sentVersion = version;
    return true;
  }

  #open(key: VerificationKey): OwnKey[] {
    const { id, algorithm } = key;
    try {
      const jwk = key.publicJwk ?? this.#parts.openKey(key);
      return jwk === undefined ? [] : [{ id, algorithm, jwk }];
    } catch (error) {
      this.#parts.log.error({ key: id, err: error }, 'a signing key cannot be opened; its tokens are refused');
      return [];
    }
  }

  #finish(id: number, judgement: Judgement): void {
    const job = this.#jobs.take(id);
    if (job !== undefined) for (const done of job.waiting) done(judgement);
  }

  #remember(text: string, judgement: Judgement): Verification {
    const known = this.cached(text, Date.now());
    if (known !== undefined) return known; // another question that waited for it came first
    if (judgement.kind === 'unavailable') return UNAVAILABLE;
    if (judgement.kind === 'bad') return this.#rememberBad(text, judgement.fault);
    const signer = this.#signerOf(judgement);
    // It has changed meanwhile.
    if (signer === undefined) return UNAVAILABLE;
    const [issuer, until] =
      'audiences' in signer
        ? [signer, Date.now() + GOOD_LIFE]
        : [undefined, signer.expiresAt ?? Number.POSITIVE_INFINITY];
    // The thread has the key as long as it stands in the catalog.
    if (Date.now() >= until) return this.#rememberBad(text, 'key');
    const good: GoodToken = { kind: 'good', text, token: judgement.token, issuer, signer, trust: this.#trust, until };
    this.#good.set(good);
    return good;
  }

  #rememberBad(text: string, fault: TokenFault): BadToken {
    this.#parts.onRefused(fault);
    const code = MALFORMED.includes(fault) ? 'malformed' : fault === 'expired' ? 'expired' : 'unknown';
    const bad: BadToken = { kind: 'bad', code: `${code}_credential`, text, until: Date.now() + BAD_LIFE };
    this.#bad.set(bad);
    return bad;
  }

  #signerOf({ token, keyId, version }: Judgement & { kind: 'good' }): Signer | undefined {
    // What the thread judged by may be older than what is known here, and the signer may have changed since.
    if (this.#sentTrust !== this.#trust || version !== this.#sentVersion) return undefined;
    const { issuers, keys } = this.#trust;
    if (token.issuerId !== undefined) return issuers.find(({ id }) => id === token.issuerId);
    return keys.find(({ id }) => id === keyId);
  }

  #isTrusted(good: GoodToken): boolean {
    if (good.trust === this.#trust) return true;
    if (this.#signers.has(good.signer)) {
      good.trust = this.#trust;
      return true;
    }
    return false;
  }

  #seeTrust(): void {
    const { trust } = this.#parts.trusted;
    if (trust === this.#trust) return;
    this.#trust = trust;
    this.#signers = signersOf(trust);
    this.#bad.clear();
  }
}

function signersOf({ issuers, keys }: TokenTrust): ReadonlySet<Signer> {
  return new Set<Signer>([...issuers, ...keys]);
}
