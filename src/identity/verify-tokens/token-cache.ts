import { GenerationalMap } from '../../collections/generational-map.ts';

/** The end of its signature, which differs from one token to the next: by these characters it is looked for. */
const PLACE_LENGTH = 24;

export function placeOf(token: string): string {
  return token.slice(-PLACE_LENGTH);
}

/** Of an entry beside its token's text, in bytes: the record, its strings, and the places in the maps. */
const OVERHEAD = 1_024;

/**
 * What was found out about tokens, in bounded memory: who was not asked for lately goes first. A token is found by its
 * end and then compared whole, as working out a hash of all its characters takes longer than the rest of the look-up.
 */
export class TokenCache<Entry extends { readonly text: string }> {
  readonly #mostBytes: number;
  /** By the end of the token. The young generation has the entries that were used since it began. */
  readonly #entries = new GenerationalMap<string, Entry>();
  /** Memory of the young generation. It grows old when it takes half of the allowed bytes. */
  #youngBytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get(token: string): Entry | undefined {
    const place = placeOf(token);
    const young = this.#entries.getYoung(place);
    if (young !== undefined) return young.text === token ? young : undefined;
    const old = this.#entries.getOld(place);
    if (old === undefined || old.text !== token) return undefined;
    this.set(old);
    return old;
  }

  set(entry: Entry): void {
    this.#entries.set(placeOf(entry.text), entry);
    this.#youngBytes += entry.text.length + OVERHEAD;
    if (this.#youngBytes * 2 < this.#mostBytes) return;
    this.#entries.rotate();
    this.#youngBytes = 0;
  }

  delete({ text }: Entry): void {
    this.#entries.delete(placeOf(text));
  }

  clear(): void {
    this.#entries.clear();
    this.#youngBytes = 0;
  }
}
