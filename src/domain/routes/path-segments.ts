/** The routes of a table have no more segments. Further ones of a path are counted, and nothing else. */
export const MAX_SEGMENTS = 64;

const SLASH = 0x2f;
const DOT = 0x2e;
const QUESTION_MARK = 0x3f;

/** By character: 0 if it is only a part of its segment. RFC 3986 has only visible ASCII in paths. */
const SPECIAL = new Uint8Array(2 ** 16).fill(1);
for (let code = 0x21; code < 0x7f; code++) SPECIAL[code] = 0;
for (const character of '%\\;#/?.') SPECIAL[character.charCodeAt(0)] = 1;

/**
 * The segments of a path, with a hash of each. One pass over the characters costs less than a string for each segment. The
 * same object reads one path after the other.
 */
export class PathSegments {
  #text = '';
  #count = 0;
  /** Where the path ends, without its query. */
  #end = 0;
  readonly #ends = new Int32Array(MAX_SEGMENTS);
  readonly #hashes = new Int32Array(MAX_SEGMENTS);

  /** Number of segments. The path `/` has one, which is empty. */
  get count(): number {
    return this.#count;
  }

  /**
   * Reads a path that begins with `/`, up to its query. Returns false if it has characters, empty segments or segments that
   * begin with a dot, for which it must be inspected more closely; the segments are then incomplete.
   */
  readPlain(path: string): boolean {
    let hash = 0;
    let start = 1;
    this.#begin(path);
    for (let index = 1; index < path.length; index++) {
      const code = path.charCodeAt(index);
      // One look-up for nearly all characters.
      if (SPECIAL[code] === 0 || (code === DOT && index > start)) hash = nextHash(hash, code);
      else if (code === SLASH && index > start) {
        this.#add(index, hash);
        hash = 0;
        start = index + 1;
      } else if (code === QUESTION_MARK) {
        this.#add(index, hash);
        return true;
      } else return false;
    }
    this.#add(path.length, hash);
    return true;
  }

  /** Reads a path without a query that begins with `/`, whatever its characters are. */
  readDecoded(path: string): void {
    let hash = 0;
    this.#begin(path);
    for (let index = 1; index < path.length; index++) {
      const code = path.charCodeAt(index);
      if (code === SLASH) {
        this.#add(index, hash);
        hash = 0;
      } else hash = nextHash(hash, code);
    }
    this.#add(path.length, hash);
  }

  /** Whether the path ends with a slash, as `/` does too. */
  get isLastEmpty(): boolean {
    return this.#text.charCodeAt(this.#end - 1) === SLASH;
  }

  /** The hash of a segment, as `hashSegment` computes it. */
  hashAt(index: number): number {
    return this.#hashes[index] ?? 0;
  }

  /** Whether a segment is this text. */
  isAt(index: number, text: string): boolean {
    const start = this.#startAt(index);
    return text.length === this.#endAt(index) - start && this.#text.startsWith(text, start);
  }

  isEmptyAt(index: number): boolean {
    return this.#startAt(index) === this.#endAt(index);
  }

  #begin(path: string): void {
    this.#text = path;
    this.#count = 0;
  }

  #add(end: number, hash: number): void {
    this.#end = end;
    if (this.#count < MAX_SEGMENTS) {
      this.#ends[this.#count] = end;
      this.#hashes[this.#count] = hash;
    }
    this.#count++;
  }

  #startAt(index: number): number {
    return index === 0 ? 1 : this.#endAt(index - 1) + 1;
  }

  #endAt(index: number): number {
    return this.#ends[index] ?? 0;
  }
}

/** Hashes a segment. Routes choose the texts that are stored, so no client can make them collide. */
export function hashSegment(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) hash = nextHash(hash, text.charCodeAt(index));
  return hash;
}

/** Stays within the small integers of V8, which a Map finds fastest. */
function nextHash(hash: number, code: number): number {
  return (Math.imul(hash, 31) + code) & 0x3fffffff;
}
