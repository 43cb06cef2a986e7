import { LockMode } from '@mikro-orm/core';
import type { JsonWebKey } from '../../domain/issuers/issuer-keys.ts';
import { acceptedUntil, newestKey, signsFrom } from '../../domain/tokens/signing-schedule.ts';
import { withAdvisoryLock } from '../advisory-locks.ts';
import { SigningKeyEntity } from '../entities/token-entities.ts';
import type { Database } from '../open-database.ts';

/** A new key with its private part sealed. */
export type NewSigningKey = Pick<SigningKeyEntity, 'id' | 'algorithm' | 'publicJwk' | 'sealedJwk' | 'activateTime'>;

/** Encrypts a private key and binds it to the id and algorithm of the key. */
export type SealPrivateKey = (key: Pick<SigningKeyEntity, 'id' | 'algorithm'>, privateJwk: JsonWebKey) => string;

/** Decides when a new signing key is due, and creates it. */
export interface SigningKeyRotation {
  /** Whether the new key may replace `key`. Keys of nodes with another secret form a chain of their own. */
  canReplace(key: SigningKeyEntity): boolean;
  /** `newest`: the newest key that can be replaced; undefined: there are no such keys. */
  isDue(newest: SigningKeyEntity | undefined): boolean;
  create(previous: SigningKeyEntity | undefined): Promise<NewSigningKey>;
}

/** All keys that have not expired, oldest first. */
export async function listUsableSigningKeys(database: Database, now: Date): Promise<readonly SigningKeyEntity[]> {
  const where = { $or: [{ expireTime: null }, { expireTime: { $gt: now } }] };
  return database.em.fork().find(SigningKeyEntity, where, { orderBy: { createTime: 'asc', id: 'asc' } });
}

/**
 * Adds a key if one is due. The keys that it replaces expire when the last of their tokens has expired. If several
 * nodes call it at the same time, only one of them adds a key.
 */
export async function addSigningKeyIfDue(
  database: Database,
  { canReplace, isDue, create }: SigningKeyRotation,
  accessTokenSeconds: number,
): Promise<void> {
  const addIfDue = async () => {
    await database.em.fork().transactional(async (em) => {
      // Locks the rows: a concurrent call may issue a long-lived token with one of these keys.
      const allKeys = await em.findAll(SigningKeyEntity, { lockMode: LockMode.PESSIMISTIC_WRITE });
      const replacedKeys = allKeys.filter(canReplace);
      const newest = newestKey(replacedKeys);
      if (!isDue(newest)) return;
      const created = await create(newest);
      const createdSignsFrom = created.activateTime ?? new Date();
      for (const key of replacedKeys) key.expireTime ??= acceptedUntil(createdSignsFrom, accessTokenSeconds, key);
      em.create(SigningKeyEntity, { ...created, privateJwk: null, expireTime: null, lastTokenExpireTime: null });
    });
  };
  await withAdvisoryLock(database, 'signingKeys', addIfDue);
}

/**
 * Sets an expiry for keys that were never replaced and have signed since `latestStart` or longer: no node has their
 * secret any more. Tokens that they signed stay valid until they expire.
 */
export async function expireAbandonedSigningKeys(
  database: Database,
  latestStart: Date,
  accessTokenSeconds: number,
): Promise<void> {
  await database.em.fork().transactional(async (em) => {
    const keys = await em.find(SigningKeyEntity, { expireTime: null }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    for (const key of keys) {
      if (signsFrom(key) <= latestStart) key.expireTime = acceptedUntil(new Date(), accessTokenSeconds, key);
    }
  });
}

/** Seals private keys that an earlier version of Weir has stored in plain text. */
export async function sealPlaintextSigningKeys(database: Database, seal: SealPrivateKey): Promise<void> {
  await database.em.fork().transactional(async (em) => {
    const isPlaintext = { privateJwk: { $ne: null } };
    const keys = await em.find(SigningKeyEntity, isPlaintext, { lockMode: LockMode.PESSIMISTIC_WRITE });
    for (const key of keys) {
      if (key.privateJwk === null) continue;
      const { d: _private, ...publicJwk } = key.privateJwk;
      key.sealedJwk = seal(key, key.privateJwk);
      key.publicJwk = publicJwk;
      key.privateJwk = null;
    }
  });
}

/** Deletes keys whose last token has expired. */
export async function deleteExpiredSigningKeys(database: Database, now: Date): Promise<void> {
  await database.em.fork().nativeDelete(SigningKeyEntity, { expireTime: { $lte: now } });
}

/** Returns false if there is no such key. */
export async function deleteSigningKey(database: Database, id: string): Promise<boolean> {
  return (await database.em.fork().nativeDelete(SigningKeyEntity, { id })) > 0;
}

/**
 * Keeps a key at least until a token expires that it is about to sign. Returns false if the key has been deleted: it
 * must not sign any more.
 */
export async function retainSigningKeyUntil(database: Database, id: string, tokenExpireTime: Date): Promise<boolean> {
  return database.em.fork().transactional(async (em) => {
    const key = await em.findOne(SigningKeyEntity, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (key === null) return false;
    if (key.lastTokenExpireTime === null || key.lastTokenExpireTime < tokenExpireTime) {
      key.lastTokenExpireTime = tokenExpireTime;
    }
    if (key.expireTime !== null) key.expireTime = laterOf(key.expireTime, acceptedUntil(new Date(0), 0, key));
    return true;
  });
}

function laterOf(a: Date, b: Date): Date {
  return a > b ? a : b;
}
