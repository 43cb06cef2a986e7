import { setTimeout as sleep } from 'node:timers/promises';
import type { SigningKeyEntity } from '../../database/entities.ts';
import type { Database } from '../../database/open-database.ts';
import {
  addSigningKeyIfDue,
  deleteExpiredSigningKeys,
  deleteSigningKey,
  expireAbandonedSigningKeys,
  listUsableSigningKeys,
  type NewSigningKey,
  retainSigningKeyUntil,
  sealPlaintextSigningKeys,
} from '../../database/signing-key-rows.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { JsonWebKey } from '../../domain/tokens/issuer.ts';
import { signsFrom, PUBLISH_BEFORE_SIGNING_MS, newestKey, signingKeyAt } from '../../domain/tokens/signing-schedule.ts';
import type { OwnAlgorithm } from '../../domain/tokens/token.ts';
import { CannotOpen, type Sealer } from '../../identity/issue-tokens/sealed-key.ts';
import { createSigner, generateSigningKey, type Signer } from '../../identity/issue-tokens/signing-key.ts';
import type { Logger } from '../../interfaces/logger.ts';

export interface SigningKeyRingOptions {
  readonly database: Database;
  readonly sealer: Sealer;
  /** Of new keys. */
  readonly algorithm: OwnAlgorithm;
  /** Signs so long until another takes its place. */
  readonly rotationSeconds: number;
  /** How long a token lives that is not noted with its key. */
  readonly accessTokenSeconds: number;
  readonly log: Logger;
}

/** How often the keys are looked at: well below the time that a new one is known before it signs. */
const TEND_EVERY_MS = 20_000;

/**
 * Loads the keys that tokens of our own are signed with, and goes on to follow what other nodes do with them, until
 * `stop`. Seals those that an earlier version kept in the clear, and makes the first one, or another where that is not of
 * the algorithm asked for. Keys that were sealed with another secret are other nodes': they sign there, and this node has
 * keys of its own beside them.
 */
export async function startSigningKeyRing(options: SigningKeyRingOptions): Promise<SigningKeyRing> {
  const keys = new SigningKeyRing(options);
  await keys.prepare();
  keys.follow();
  return keys;
}

/** What signs, on a node that writes the catalog; all such nodes that have the same secret share it. */
export class SigningKeyRing {
  readonly #options: SigningKeyRingOptions;
  readonly #signers = new Map<string, Signer>();
  readonly #stopping = new AbortController();
  /** That this node can open. */
  #rows: readonly SigningKeyEntity[] = [];
  /** By id: those that it cannot. */
  readonly #foreign = new Set<string>();
  #following: Promise<void> = Promise.resolve();

  constructor(options: SigningKeyRingOptions) {
    this.#options = options;
  }

  get signer(): Signer {
    const key = signingKeyAt(this.#rows, new Date());
    const signer = key === undefined ? undefined : this.#signers.get(key.id);
    if (signer === undefined) throw new Error('there is no key to sign with');
    return signer;
  }

  /** What signs a token that lives longer than access tokens: its key is then known until that expires. */
  async signerUntil(tokenExpireTime: Date): Promise<Signer> {
    const { database } = this.#options;
    const signer = this.signer;
    if (await retainSigningKeyUntil(database, signer.id, tokenExpireTime)) return signer;
    await this.#load(); // another node has deleted it
    const another = this.signer;
    if (await retainSigningKeyUntil(database, another.id, tokenExpireTime)) return another;
    throw new Error('the key that signs has been deleted');
  }

  async prepare(): Promise<void> {
    const { database, sealer, algorithm } = this.#options;
    await sealPlaintextSigningKeys(database, (name, key) => sealer.seal(name, key));
    await this.#add((key) => key?.algorithm !== algorithm);
    await this.#load();
  }

  /** As they are now, the oldest first, also those of nodes with another secret. */
  async list(): Promise<readonly SigningKeyEntity[]> {
    return this.#load();
  }

  /** Has another key take the place of the one that signs; while one is about to, that one. */
  async rotate(): Promise<SigningKeyEntity> {
    await this.#add((key) => key === undefined || signsFrom(key) <= new Date());
    await this.#load();
    const key = newestKey(this.#rows);
    if (key === undefined) throw new Error('no key was made');
    return key;
  }

  /** Ends a key before its time. */
  async delete(id: string): Promise<void> {
    const name = `signingKeys/${id}`;
    await this.#load();
    if (id === this.signer.id || id === newestKey(this.#rows)?.id) {
      throw new ApiError({ kind: 'precondition', reason: 'SIGNING_KEY_IN_USE', name });
    }
    const isDeleted = await deleteSigningKey(this.#options.database, id);
    if (!isDeleted) throw new ApiError({ kind: 'not_found', name });
    await this.#load();
  }

  /** Does what is due: another key, an end to expired ones, and a look at what other nodes did. */
  async maintain(): Promise<void> {
    const latestBegin = new Date(Date.now() - this.#options.rotationSeconds * 1000);
    const isDue = (key: SigningKeyEntity | undefined) => key === undefined || signsFrom(key) <= latestBegin;
    await this.#load();
    if (isDue(newestKey(this.#rows))) await this.#add(isDue);
    const latestAbandoned = new Date(latestBegin.getTime() - this.#options.rotationSeconds * 1000);
    await expireAbandonedSigningKeys(this.#options.database, latestAbandoned, this.#options.accessTokenSeconds);
    await deleteExpiredSigningKeys(this.#options.database, new Date());
    await this.#load();
  }

  follow(): void {
    this.#following = this.#tendUntilStopped(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#following;
  }

  async #tendUntilStopped(signal: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(TEND_EVERY_MS, undefined, { signal, ref: false }).catch(() => {}); // an abort is what ends the loop
      if (signal.aborted) return;
      await this.maintain().catch((error: unknown) => {
        this.#options.log.warn({ err: error }, 'the signing keys could not be looked at; it will be tried again');
      });
    }
  }

  async #add(isDue: (newestKey: SigningKeyEntity | undefined) => boolean): Promise<void> {
    const { database, accessTokenSeconds } = this.#options;
    const isOwn = (key: SigningKeyEntity) => this.#opened(key) !== undefined;
    await addSigningKeyIfDue(database, { isOwn, isDue, make: (former) => this.#make(former) }, accessTokenSeconds);
  }

  /** The first one signs at once: there is nobody who could know another. */
  async #make(former: SigningKeyEntity | undefined): Promise<NewSigningKey> {
    const { sealer, algorithm, log } = this.#options;
    const { privateJwk, ...key } = await generateSigningKey(algorithm);
    const activateTime = former === undefined ? null : new Date(Date.now() + PUBLISH_BEFORE_SIGNING_MS);
    log.info({ signing_key: key.id, algorithm, activate_time: activateTime ?? 'now' }, 'a signing key was made');
    return { ...key, sealedJwk: sealer.seal(key, privateJwk), activateTime };
  }

  /** All of them. */
  async #load(): Promise<readonly SigningKeyEntity[]> {
    const rows = await listUsableSigningKeys(this.#options.database, new Date());
    const own: SigningKeyEntity[] = [];
    for (const row of rows) {
      const { id, algorithm } = row;
      const jwk = this.#opened(row);
      if (jwk === undefined) this.#tellForeign(row);
      else {
        own.push(row);
        if (!this.#signers.has(id)) this.#signers.set(id, await createSigner(id, algorithm, jwk));
      }
    }
    this.#rows = own;
    for (const id of this.#signers.keys()) if (!own.some((row) => row.id === id)) this.#signers.delete(id);
    return rows;
  }

  /** undefined: it was sealed with another secret. */
  #opened({ id, algorithm, sealedJwk }: SigningKeyEntity): JsonWebKey | undefined {
    if (sealedJwk === null) return undefined;
    try {
      return this.#options.sealer.open({ id, algorithm }, sealedJwk);
    } catch (error) {
      if (error instanceof CannotOpen) return undefined;
      throw error;
    }
  }

  #tellForeign({ id, algorithm }: SigningKeyEntity): void {
    if (this.#foreign.has(id)) return;
    this.#foreign.add(id);
    const takes = algorithm === 'HS256' ? 'what it signs is refused here' : 'what it signs is taken here all the same';
    const text = `a signing key was sealed with another SIGNING_KEY_SECRET, by another node: ${takes}`;
    this.#options.log.warn({ signing_key: id }, text);
  }
}
