/** The period in which a signing key signs, and the time until which its signatures are accepted. */
export interface ScheduledKey {
  readonly id: string;
  readonly createTime: Date;
  /** null: the key signs from its creation. */
  readonly activateTime: Date | null;
  /** null: no expiry is set, because no other key is scheduled to replace it. */
  readonly expireTime: Date | null;
}

/** Time for all nodes, and for caches of Weir's public keys, to learn a key before it signs anything. */
export const PUBLISH_BEFORE_SIGNING_MS = 120_000;

/** Allowance for nodes whose clocks differ, or that learn late that another key signs. */
const EXPIRY_MARGIN_MS = 5 * 60_000;

/** The time from which a key signs, unless a newer one does. */
export function signsFrom(key: Pick<ScheduledKey, 'createTime' | 'activateTime'>): Date {
  return key.activateTime ?? key.createTime;
}

/** The key that signs at `now`: the newest one whose period has begun. */
export function signingKeyAt<Key extends ScheduledKey>(keys: readonly Key[], now: Date): Key | undefined {
  return newestKey(keys.filter((key) => signsFrom(key) <= now));
}

/** The key that signs now, or the next one to sign; undefined: there are no keys. */
export function newestKey<Key extends ScheduledKey>(keys: readonly Key[]): Key | undefined {
  return keys.reduce<Key | undefined>((best, key) => {
    if (best === undefined || signsFrom(key) > signsFrom(best)) return key;
    return signsFrom(key) < signsFrom(best) || key.id < best.id ? best : key;
  }, undefined);
}

/**
 * The time until which a key must be accepted once a successor signs from `successorSignsFrom`: until its last access
 * token and its last stateless token (`lastTokenExpireTime`) have expired.
 */
export function acceptedUntil(
  successorSignsFrom: Date,
  accessTokenSeconds: number,
  { lastTokenExpireTime }: { readonly lastTokenExpireTime: Date | null },
): Date {
  const accessTokensEnd = successorSignsFrom.getTime() + accessTokenSeconds * 1000;
  return new Date(Math.max(accessTokensEnd, lastTokenExpireTime?.getTime() ?? 0) + EXPIRY_MARGIN_MS);
}
