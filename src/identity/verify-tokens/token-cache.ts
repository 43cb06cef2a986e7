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
  /** Entries that were asked for since the last turn; the older ones go as a whole when these take half of the bytes. */
  #young = new Map<string, Entry>();
  #old = new Map<string, Entry>();
  #youngBytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get(token: string): Entry | undefined {
    const place = placeOf(token);
    const young = this.#young.get(place);
    if (young !== undefined) return young.text === token ? young : undefined;
    const old = this.#old.get(place);
    if (old === undefined || old.text !== token) return undefined;
    this.set(old);
    return old;
  }

  set(entry: Entry): void {
    this.#young.set(placeOf(entry.text), entry);
    this.#youngBytes += entry.text.length + OVERHEAD;
    if (this.#youngBytes * 2 < this.#mostBytes) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
  }

  delete({ text }: Entry): void {
    const place = placeOf(text);
    this.#young.delete(place);
    this.#old.delete(place);
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
    this.#youngBytes = 0;
  }
}
