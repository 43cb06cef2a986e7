import { setTimeout as sleep } from 'node:timers/promises';
import type { SigningKeyEntity } from '../../database/entities/token-entities.ts';
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
} from '../../database/statements/signing-key-rows.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { JsonWebKey } from '../../domain/issuers/issuer-keys.ts';
import { newestKey, PUBLISH_BEFORE_SIGNING_MS, signingKeyAt, signsFrom } from '../../domain/tokens/signing-schedule.ts';
import type { OwnAlgorithm } from '../../domain/tokens/token.ts';
import { CannotUnseal, type Sealer } from '../../identity/issue-tokens/key-sealer.ts';
import { createSigner, generateSigningKey, type Signer } from '../../identity/issue-tokens/signing-key.ts';
import type { Logger } from '../../interfaces/logger.ts';

export interface SigningKeyRingOptions {
  readonly database: Database;
  readonly sealer: Sealer;
  /** The algorithm of new keys. */
  readonly algorithm: OwnAlgorithm;
  /** The claim `iss` of tokens. */
  readonly issuer: string;
  /** How long a key signs before it is replaced. */
  readonly rotationSeconds: number;
  /** The lifetime of access tokens. The expiry of longer-lived tokens is recorded with their key. */
  readonly accessTokenSeconds: number;
  readonly log: Logger;
}

/** The parts of a signing key that callers see. */
export type ListedSigningKey = Pick<
  SigningKeyEntity,
  'id' | 'algorithm' | 'createTime' | 'activateTime' | 'expireTime'
>;

/** Well below PUBLISH_BEFORE_SIGNING_MS, so that every node loads a new key before it signs. */
const MAINTENANCE_INTERVAL_MS = 20_000;

/**
 * The keys that sign Weir's own tokens, on a node that writes the catalog. Nodes with the same secret share them. Keys
 * that were sealed with another secret belong to other nodes, which sign with them. This node then has its own keys next
 * to them.
 */
export class SigningKeyRing {
  readonly #options: SigningKeyRingOptions;
  readonly #signersById = new Map<string, Signer>();
  readonly #stopping = new AbortController();
  /** The keys that this node can open. */
  #rows: readonly SigningKeyEntity[] = [];
  /** Ids of keys that it cannot open and has already warned about. */
  readonly #reportedForeignIds = new Set<string>();
  #maintenance: Promise<void> = Promise.resolve();
  #isStarted = false;
  #isMaintained = true;

  constructor(options: SigningKeyRingOptions) {
    this.#options = options;
  }

  /** Whether the last maintenance succeeded. */
  get isMaintained(): boolean {
    return this.#isMaintained;
  }

  /** Signs access tokens. Throws `unavailable` until `start` has succeeded. */
  get signer(): Signer {
    if (!this.#isStarted) throw new ApiError({ kind: 'unavailable' });
    const key = signingKeyAt(this.#rows, new Date());
    const signer = key === undefined ? undefined : this.#signersById.get(key.id);
    if (signer === undefined) throw new Error('there is no signing key');
    return signer;
  }

  /** Signs a token that outlives access tokens. The database then keeps the key until the token expires. */
  async signerUntil(tokenExpireTime: Date): Promise<Signer> {
    const { database } = this.#options;
    const signer = this.signer;
    if (await retainSigningKeyUntil(database, signer.id, tokenExpireTime)) return signer;
    await this.#load(); // another node has deleted the key
    const nextSigner = this.signer;
    if (await retainSigningKeyUntil(database, nextSigner.id, tokenExpireTime)) return nextSigner;
    throw new Error('the current signing key has been deleted');
  }

  /**
   * Loads the keys and maintains them until `stop`. Seals keys that an earlier version has stored in plain text. Creates the
   * first key, and a new one if the newest does not have the configured algorithm. May be called again after it failed.
   */
  async start(): Promise<void> {
    const { database, sealer, algorithm } = this.#options;
    await sealPlaintextSigningKeys(database, (key, privateJwk) => sealer.seal(key, privateJwk));
    await this.#addIfDue((newest) => newest?.algorithm !== algorithm);
    await this.#load();
    if (!this.#isStarted) this.#maintenance = this.#maintainUntilStopped(this.#stopping.signal);
    this.#isStarted = true;
  }

  /** All unexpired keys, oldest first, including those of nodes with another secret. */
  async list(): Promise<readonly SigningKeyEntity[]> {
    return this.#load();
  }

  /** Creates a key that replaces the current one, or returns the one that is already about to. */
  async rotate(): Promise<SigningKeyEntity> {
    await this.#addIfDue((newest) => newest === undefined || signsFrom(newest) <= new Date());
    await this.#load();
    const newest = newestKey(this.#rows);
    if (newest === undefined) throw new Error('no signing key was created');
    return newest;
  }

  /** Returns the key that `rotate` would return. One that it would create has no id. */
  async previewRotation(): Promise<ListedSigningKey> {
    await this.#load();
    const newest = newestKey(this.#rows);
    const createTime = new Date();
    if (newest !== undefined && signsFrom(newest) > createTime) return newest;
    const activateTime = new Date(createTime.getTime() + PUBLISH_BEFORE_SIGNING_MS);
    return { id: '', algorithm: this.#options.algorithm, createTime, activateTime, expireTime: null };
  }

  /**
   * Deletes a key, and so invalidates its tokens at once. Throws `precondition` for the current key and the next one.
   */
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

  /** Rotates if a rotation is due, expires and deletes old keys, and loads the changes of other nodes. */
  async maintain(): Promise<void> {
    const { database, rotationSeconds, accessTokenSeconds } = this.#options;
    const dueSince = new Date(Date.now() - rotationSeconds * 1000);
    const isDue = (newest: SigningKeyEntity | undefined) => newest === undefined || signsFrom(newest) <= dueSince;
    await this.#load();
    if (isDue(newestKey(this.#rows))) await this.#addIfDue(isDue);
    const abandonedSince = new Date(dueSince.getTime() - rotationSeconds * 1000);
    await expireAbandonedSigningKeys(database, abandonedSince, accessTokenSeconds);
    await deleteExpiredSigningKeys(database, new Date());
    await this.#load();
  }

  /** Waits for a maintenance run in progress. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#maintenance;
  }

  async #maintainUntilStopped(signal: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(MAINTENANCE_INTERVAL_MS, undefined, { signal, ref: false }).catch(() => {}); // rejects when aborted
      if (signal.aborted) return;
      try {
        await this.maintain();
        this.#isMaintained = true;
      } catch (error) {
        this.#isMaintained = false;
        const message = `maintenance of signing keys failed; retrying in ${MAINTENANCE_INTERVAL_MS / 1000} s`;
        this.#options.log.warn({ err: error }, message);
      }
    }
  }

  async #addIfDue(isDue: (newest: SigningKeyEntity | undefined) => boolean): Promise<void> {
    const { database, accessTokenSeconds } = this.#options;
    const canReplace = (key: SigningKeyEntity) => this.#open(key) !== undefined;
    const create = (previous: SigningKeyEntity | undefined) => this.#create(previous);
    await addSigningKeyIfDue(database, { canReplace, isDue, create }, accessTokenSeconds);
  }

  /** Generates a key. The first one signs at once, because there is no other key that verifiers know already. */
  async #create(previous: SigningKeyEntity | undefined): Promise<NewSigningKey> {
    const { sealer, algorithm, log } = this.#options;
    const { privateJwk, ...key } = await generateSigningKey(algorithm);
    const activateTime = previous === undefined ? null : new Date(Date.now() + PUBLISH_BEFORE_SIGNING_MS);
    log.info({ signing_key: key.id, algorithm, activate_time: activateTime ?? 'now' }, 'signing key created');
    return { ...key, sealedJwk: sealer.seal(key, privateJwk), activateTime };
  }

  /** Loads the keys that this node can open, and returns all of them. */
  async #load(): Promise<readonly SigningKeyEntity[]> {
    const allRows = await listUsableSigningKeys(this.#options.database, new Date());
    const ownRows: SigningKeyEntity[] = [];
    for (const row of allRows) {
      const jwk = this.#open(row);
      if (jwk === undefined) {
        this.#warnAboutForeign(row);
        continue;
      }
      ownRows.push(row);
      const { id, algorithm } = row;
      if (!this.#signersById.has(id))
        this.#signersById.set(id, await createSigner({ id, algorithm, privateJwk: jwk }, this.#options.issuer));
    }
    this.#rows = ownRows;
    for (const id of this.#signersById.keys()) {
      if (!ownRows.some((row) => row.id === id)) this.#signersById.delete(id);
    }
    return allRows;
  }

  /** The private key; undefined: it was sealed with another secret. */
  #open({ id, algorithm, sealedJwk }: SigningKeyEntity): JsonWebKey | undefined {
    if (sealedJwk === null) return undefined;
    try {
      return this.#options.sealer.open({ id, algorithm }, sealedJwk);
    } catch (error) {
      if (error instanceof CannotUnseal) return undefined;
      throw error;
    }
  }

  #warnAboutForeign({ id, algorithm }: SigningKeyEntity): void {
    if (this.#reportedForeignIds.has(id)) return;
    this.#reportedForeignIds.add(id);
    const consequence = algorithm === 'HS256' ? 'this node denies its tokens' : 'this node still accepts its tokens';
    const message = `another node sealed a signing key with a different SIGNING_KEY_SECRET; ${consequence}`;
    this.#options.log.warn({ signing_key: id }, message);
  }
}
