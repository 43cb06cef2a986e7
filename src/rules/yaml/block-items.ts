import type { EventType, State } from 'js-yaml';
import { countLeftOut } from './fast-yaml.ts';

/** A range of a text: `start` and the offset after its end. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

interface BlockSequence {
  /** Offsets of the lines in which its items start. */
  readonly lines: number[];
  isComplete: boolean;
}

/** Finds the lines in which items of block sequences start, from the nodes that the fast parser visits. */
export class BlockItems {
  readonly #text: string;
  readonly #leftOut: number;
  /** The last sequence of each depth. */
  readonly #sequences = new Map<number, BlockSequence>();
  /** The lines of the one with most items of those before them. */
  #longest: readonly number[] = [];
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#leftOut = countLeftOut(text);
  }

  /** Adds an event of the fast parser. */
  add(event: EventType, { position }: State): void {
    if (event === 'close') {
      this.#depth--;
      const sequence = this.#sequences.get(this.#depth + 1);
      if (sequence !== undefined) sequence.isComplete = true;
      return;
    }
    const line = this.#findItemLine(position + this.#leftOut);
    if (line !== undefined) this.#addItem(line);
    this.#depth++;
  }

  /**
   * Returns the largest range of whole items that ends before an offset, and before the last item of its sequence. Without
   * it, the rest of the text means the same. undefined: there is none.
   */
  findItemsBefore(offset: number): TextRange | undefined {
    let largest: TextRange | undefined;
    for (const lines of [this.#longest, ...Array.from(this.#sequences.values(), (sequence) => sequence.lines)]) {
      const [start] = lines;
      const end = lines.slice(0, -1).findLast((line) => line <= offset);
      if (start === undefined || end === undefined) continue;
      if (largest === undefined || end - start > largest.end - largest.start) largest = { start, end };
    }
    return largest;
  }

  #addItem(line: number): void {
    const sequence = this.#sequences.get(this.#depth);
    if (sequence !== undefined && !sequence.isComplete) {
      sequence.lines.push(line);
      return;
    }
    if (sequence !== undefined && sequence.lines.length > this.#longest.length) this.#longest = sequence.lines;
    this.#sequences.set(this.#depth, { lines: [line], isComplete: false });
  }

  /** Returns the offset of the line in which an item starts. undefined: the node at the offset does not follow its dash. */
  #findItemLine(node: number): number | undefined {
    const dash = this.#skipSpacesBefore(node);
    if (dash === node || this.#text[dash - 1] !== '-') return undefined;
    const line = this.#skipSpacesBefore(dash - 1);
    return line === 0 || this.#text[line - 1] === '\n' ? line : undefined;
  }

  #skipSpacesBefore(offset: number): number {
    let start = offset;
    while (this.#text[start - 1] === ' ') start--;
    return start;
  }
}
