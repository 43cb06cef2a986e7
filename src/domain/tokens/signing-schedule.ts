/** When a signing key signs, and until when what it signed is accepted. */
export interface ScheduledKey {
  readonly id: string;
  readonly createTime: Date;
  /** Null: from when it was made. */
  readonly activateTime: Date | null;
  /** Null: none is set, because no other key is to take its place yet. */
  readonly expireTime: Date | null;
}

/** How long all nodes, and whoever keeps our public keys, have to learn of a key before anything is signed with it. */
export const KNOWN_BEFORE_SIGNING_MS = 120_000;

/** For nodes whose clocks differ, or that learn late that another key signs. */
const MARGIN_MS = 5 * 60_000;

/** From when on it signs, unless a newer one does. */
export function beginOf(key: Pick<ScheduledKey, 'createTime' | 'activateTime'>): Date {
  return key.activateTime ?? key.createTime;
}

/** The one that signs: of those whose time has come the newest. */
export function signingAt<Key extends ScheduledKey>(keys: readonly Key[], now: Date): Key | undefined {
  return newest(keys.filter((key) => beginOf(key) <= now));
}

/** The one that signs now or is about to; undefined: there is none. */
export function newest<Key extends ScheduledKey>(keys: readonly Key[]): Key | undefined {
  return keys.reduce<Key | undefined>((best, key) => {
    if (best === undefined || beginOf(key) > beginOf(best)) return key;
    return beginOf(key) < beginOf(best) || key.id < best.id ? best : key;
  }, undefined);
}

/**
 * Until when a key has to be known, once another signs from `successorBegins` on: until its last access token and its last
 * stateless token (`lastTokenExpireTime`) have expired.
 */
export function endAfter(
  successorBegins: Date,
  accessTokenSeconds: number,
  { lastTokenExpireTime }: { readonly lastTokenExpireTime: Date | null },
): Date {
  const accessTokensEnd = successorBegins.getTime() + accessTokenSeconds * 1000;
  return new Date(Math.max(accessTokensEnd, lastTokenExpireTime?.getTime() ?? 0) + MARGIN_MS);
}
