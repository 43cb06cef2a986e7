/** Numbers in place of texts that many entities have in common, such as the names of their plans. */
export class StringInterner {
  readonly #numbers = new Map<string, number>();
  readonly #texts: { text: string; uses: number }[] = [];
  /** That nobody uses any more. */
  readonly #free: number[] = [];

  /** The number of a text; each use is to be given back. */
  take(text: string): number {
    const known = this.#numbers.get(text);
    const number = known ?? this.#free.pop() ?? this.#texts.length;
    if (known === undefined) {
      this.#numbers.set(text, number);
      this.#texts[number] = { text, uses: 0 };
    }
    this.#at(number).uses++;
    return number;
  }

  giveBack(number: number): void {
    const name = this.#at(number);
    name.uses--;
    if (name.uses > 0) return;
    this.#numbers.delete(name.text);
    this.#free.push(number);
  }

  textOf(number: number): string {
    return this.#at(number).text;
  }

  #at(number: number): { text: string; uses: number } {
    const name = this.#texts[number];
    if (name === undefined) throw new Error(`there is no name ${number}`);
    return name;
  }
}
