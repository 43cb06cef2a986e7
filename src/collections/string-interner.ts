interface InternedText {
  readonly text: string;
  uses: number;
}

/** Replaces texts that many entities share, such as names of plans, by numbers. Counts the uses of each text. */
export class StringInterner {
  readonly #numbers = new Map<string, number>();
  readonly #texts: InternedText[] = [];
  /** Numbers that are no longer in use. */
  readonly #free: number[] = [];

  /** Returns the number of a text. Each call is one use, to be released later. */
  intern(text: string): number {
    const existing = this.#numbers.get(text);
    const number = existing ?? this.#free.pop() ?? this.#texts.length;
    if (existing === undefined) {
      this.#numbers.set(text, number);
      this.#texts[number] = { text, uses: 0 };
    }
    this.#at(number).uses++;
    return number;
  }

  /** Ends one use. The number of an unused text is given to another text later. */
  release(number: number): void {
    const interned = this.#at(number);
    interned.uses--;
    if (interned.uses > 0) return;
    this.#numbers.delete(interned.text);
    this.#free.push(number);
  }

  textFor(number: number): string {
    return this.#at(number).text;
  }

  #at(number: number): InternedText {
    const interned = this.#texts[number];
    if (interned === undefined) throw new Error(`number: must be that of a text (got ${number})`);
    return interned;
  }
}
