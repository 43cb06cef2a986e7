import { GenerationalMap } from '../../collections/generational-map.ts';

/** Names in the young generation. Each takes about 150 bytes, with its number. */
const MAX_YOUNG_NAMES = 16_384;
/** Weight of the newest result against all earlier ones. After seven bad ones in a row a name is no longer good. */
const NEWEST_WEIGHT = 0.1;
const MIN_GOOD_SHARE = 0.5;

/**
 * Remembers, in bounded memory, who mostly sends good tokens, by name. A name enters with its first good token, so bad
 * ones fill nothing.
 */
export class TrackRecord {
  /** Share of good tokens by name, from 0 to 1. Newer tokens count more. */
  readonly #goodShares = new GenerationalMap<string, number>();

  record(name: string, isGood: boolean): void {
    const share = this.#goodShares.get(name);
    if (share !== undefined) this.#set(name, share + ((isGood ? 1 : 0) - share) * NEWEST_WEIGHT);
    else if (isGood) this.#set(name, 1);
  }

  isMostlyGood(name: string): boolean {
    return (this.#goodShares.get(name) ?? 0) >= MIN_GOOD_SHARE;
  }

  #set(name: string, share: number): void {
    this.#goodShares.set(name, share);
    if (this.#goodShares.youngSize >= MAX_YOUNG_NAMES) this.#goodShares.rotate();
  }
}
