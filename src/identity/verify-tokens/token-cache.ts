import { GenerationalMap } from '../../collections/generational-map.ts';

/** Characters of a token's suffix. They are the end of its signature, so they differ between tokens. */
const SUFFIX_LENGTH = 24;

/** Returns the part of a token that it is looked up by. The whole token must be compared afterwards. */
export function tokenSuffix(token: string): string {
  return token.slice(-SUFFIX_LENGTH);
}

/** Memory of an entry in addition to the text of its token: the record, its strings and the slots in the maps. */
const ENTRY_OVERHEAD_BYTES = 1_024;

/**
 * Caches what is known about tokens in bounded memory. Entries that were not used lately are dropped first. A token is
 * found by its suffix and then compared as a whole: hashing all of its characters would take longer than the rest of
 * the look-up.
 */
export class TokenCache<Entry extends { readonly text: string }> {
  readonly #maxBytes: number;
  /** By suffix. The young generation has the entries that were used since it began. */
  readonly #entries = new GenerationalMap<string, Entry>();
  /** Memory of the young generation. It grows old when it takes half of the allowed bytes. */
  #youngBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(token: string): Entry | undefined {
    const suffix = tokenSuffix(token);
    const young = this.#entries.getYoung(suffix);
    if (young !== undefined) return young.text === token ? young : undefined;
    const old = this.#entries.getOld(suffix);
    if (old === undefined || old.text !== token) return undefined;
    this.set(old);
    return old;
  }

  set(entry: Entry): void {
    this.#entries.set(tokenSuffix(entry.text), entry);
    this.#youngBytes += entry.text.length + ENTRY_OVERHEAD_BYTES;
    if (this.#youngBytes * 2 < this.#maxBytes) return;
    this.#entries.rotate();
    this.#youngBytes = 0;
  }

  delete({ text }: Entry): void {
    this.#entries.delete(tokenSuffix(text));
  }

  clear(): void {
    this.#entries.clear();
    this.#youngBytes = 0;
  }
}
