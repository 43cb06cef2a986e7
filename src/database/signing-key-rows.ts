import { LockMode } from '@mikro-orm/core';
import type { JsonWebKey } from '../domain/tokens/issuer.ts';
import { signsFrom, acceptedUntil, newestKey } from '../domain/tokens/signing-schedule.ts';
import { SigningKeyEntity } from './entities.ts';
import { withSigningKeyLock } from './migrate.ts';
import type { Database } from './open-database.ts';

/** A new key, as it is kept. */
export type NewSigningKey = Pick<SigningKeyEntity, 'id' | 'algorithm' | 'publicJwk' | 'sealedJwk' | 'activateTime'>;

/** Encrypts a private key, bound to which one it is. */
export type SealPrivateKey = (name: Pick<SigningKeyEntity, 'id' | 'algorithm'>, privateJwk: JsonWebKey) => string;

/** All that may still be needed, the oldest first. */
export async function listUsableSigningKeys(database: Database, now: Date): Promise<readonly SigningKeyEntity[]> {
  const where = { $or: [{ expireTime: null }, { expireTime: { $gt: now } }] };
  return database.em.fork().find(SigningKeyEntity, where, { orderBy: { createTime: 'asc', id: 'asc' } });
}

/** When another key is made, and how. */
export interface SigningKeyRotation {
  /** Whether a key is one of those that it is to succeed: each secret has a line of its own. */
  isOwn(key: SigningKeyEntity): boolean;
  /** Of the newest of them; undefined: there is none. */
  isDue(newestKey: SigningKeyEntity | undefined): boolean;
  make(former: SigningKeyEntity | undefined): Promise<NewSigningKey>;
}

/**
 * Makes a key where it is due, and has those before it end when the last of their tokens has expired. Nodes that ask at
 * the same time make one between them.
 */
export async function addSigningKeyIfDue(
  database: Database,
  { isOwn, isDue, make }: SigningKeyRotation,
  accessTokenSeconds: number,
): Promise<void> {
  const add = async () => {
    await database.em.fork().transactional(async (em) => {
      // Locked, because a token that outlives all others may just now be issued by one of them.
      const all = await em.findAll(SigningKeyEntity, { lockMode: LockMode.PESSIMISTIC_WRITE });
      const keys = all.filter(isOwn);
      if (!isDue(newestKey(keys))) return;
      const made = await make(newestKey(keys));
      const begin = made.activateTime ?? new Date();
      for (const key of keys) key.expireTime ??= acceptedUntil(begin, accessTokenSeconds, key);
      em.create(SigningKeyEntity, { ...made, privateJwk: null, expireTime: null, lastTokenExpireTime: null });
    });
  };
  await withSigningKeyLock(database, add);
}

/**
 * Has keys end that began by then and that none has succeeded: whoever had their secret is gone, and what they signed is
 * good for as long as any other token.
 */
export async function expireAbandonedSigningKeys(
  database: Database,
  latestBegin: Date,
  accessTokenSeconds: number,
): Promise<void> {
  await database.em.fork().transactional(async (em) => {
    const keys = await em.find(SigningKeyEntity, { expireTime: null }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    for (const key of keys) {
      if (signsFrom(key) <= latestBegin) key.expireTime = acceptedUntil(new Date(), accessTokenSeconds, key);
    }
  });
}

/** Seals keys that an earlier version kept in the clear. */
export async function sealPlaintextSigningKeys(database: Database, seal: SealPrivateKey): Promise<void> {
  await database.em.fork().transactional(async (em) => {
    const clear = { privateJwk: { $ne: null } };
    const keys = await em.find(SigningKeyEntity, clear, { lockMode: LockMode.PESSIMISTIC_WRITE });
    for (const key of keys) {
      if (key.privateJwk === null) continue;
      const { d: _private, ...publicJwk } = key.privateJwk;
      key.sealedJwk = seal(key, key.privateJwk);
      key.publicJwk = publicJwk;
      key.privateJwk = null;
    }
  });
}

/** Takes away the keys whose last token has expired. */
export async function deleteExpiredSigningKeys(database: Database, now: Date): Promise<void> {
  await database.em.fork().nativeDelete(SigningKeyEntity, { expireTime: { $lte: now } });
}

/** false: there was none. */
export async function deleteSigningKey(database: Database, id: string): Promise<boolean> {
  return (await database.em.fork().nativeDelete(SigningKeyEntity, { id })) > 0;
}

/**
 * Has a key known at least until a stateless token that it is about to sign expires; false: it is known no more, so that
 * nothing may be signed with it.
 */
export async function retainSigningKeyUntil(database: Database, id: string, tokenExpireTime: Date): Promise<boolean> {
  return database.em.fork().transactional(async (em) => {
    const key = await em.findOne(SigningKeyEntity, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (key === null) return false;
    if (key.lastTokenExpireTime === null || key.lastTokenExpireTime < tokenExpireTime) {
      key.lastTokenExpireTime = tokenExpireTime;
    }
    if (key.expireTime !== null) key.expireTime = later(key.expireTime, acceptedUntil(new Date(0), 0, key));
    return true;
  });
}

function later(one: Date, other: Date): Date {
  return one > other ? one : other;
}
