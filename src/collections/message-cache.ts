const SETS = 1024;
/** Places for messages whose hashes agree in their last bits: with one, every tenth of a thousand would have none. */
const WAYS = 4;
/** Of more messages that come in turn none would be kept until it comes again. */
const MOST_MISSES = SETS * WAYS;
const LIVES = 16;
/** Of a message that is kept, in bytes; longer ones are not. */
const LONGEST = 256;

/**
 * What was made of messages, found by their bytes: of some thousands that came at least twice of late. One that comes
 * once leaves nothing behind but its hash.
 */
export class MessageCache<Value> {
  /** By place, in pieces of equal length: as objects they would be more for the garbage collector than what they save. */
  readonly #bytes = new Uint8Array(SETS * WAYS * LONGEST);
  readonly #lengths = new Uint16Array(SETS * WAYS);
  readonly #hashes = new Int32Array(SETS * WAYS);
  readonly #values: (Value | undefined)[] = new Array<Value | undefined>(SETS * WAYS).fill(undefined);
  /** A bit for each of the first half of a hash: whether one of it came that was not known, of the latest so many. */
  readonly #missed = new Uint32Array(2 ** 16 / 32);
  #misses = 0;
  /** By place: how many offers to its set it outlives unless it is asked for again. */
  readonly #lives = new Uint8Array(SETS * WAYS);
  #hash = 0;

  /** undefined: it is not known. */
  of(message: Uint8Array): Value | undefined {
    const hash = hashOf(message);
    this.#hash = hash;
    const first = setOf(hash) * WAYS;
    for (let place = first; place < first + WAYS; place++) {
      const value = this.#values[place];
      if (value !== undefined && this.#hashes[place] === hash && this.#isAt(place, message)) {
        this.#lives[place] = LIVES;
        return value;
      }
    }
    return undefined;
  }

  /** Takes the value of the message that `of` was just asked for and did not know; it is kept if it came before. */
  offer(message: Uint8Array, value: Value): boolean {
    const hash = this.#hash;
    if (message.length > LONGEST || this.#isFirstMiss(hash)) return false;
    const place = this.#placeToTake(setOf(hash) * WAYS);
    if (place < 0) return false;
    this.#bytes.set(message, place * LONGEST);
    this.#lengths[place] = message.length;
    this.#hashes[place] = hash;
    this.#values[place] = value;
    this.#lives[place] = LIVES;
    return true;
  }

  clear(): void {
    this.#values.fill(undefined);
    this.#lives.fill(0);
  }

  /**
   * Less than 0: all of the set are in use. Were one of them given up for each that has no place, keeping would cost more
   * than it saves: values that have grown old are the dearest garbage.
   */
  #placeToTake(first: number): number {
    let taken = -1;
    for (let place = first; place < first + WAYS; place++) {
      const lives = this.#lives[place] ?? 0;
      if (lives === 0) taken = place;
      else this.#lives[place] = lives - 1;
    }
    return taken;
  }

  #isFirstMiss(hash: number): boolean {
    const word = hash >>> 21;
    const bit = 1 << ((hash >>> 16) & 31);
    if (((this.#missed[word] ?? 0) & bit) !== 0) return false;
    if (this.#misses++ >= MOST_MISSES) {
      this.#missed.fill(0);
      this.#misses = 0;
    }
    this.#missed[word] = (this.#missed[word] ?? 0) | bit;
    return true;
  }

  #isAt(place: number, message: Uint8Array): boolean {
    if (this.#lengths[place] !== message.length) return false;
    const start = place * LONGEST;
    for (let at = 0; at < message.length; at++) if (this.#bytes[start + at] !== message[at]) return false;
    return true;
  }
}

/** Whoever makes up messages of one hash has them kept out by each other, and no others but those of their set. */
function hashOf(message: Uint8Array): number {
  let hash = message.length;
  for (let at = 0; at < message.length; at++) hash = Math.imul(hash ^ (message[at] ?? 0), 0x01000193);
  return hash;
}

function setOf(hash: number): number {
  return (hash ^ (hash >>> 16)) & (SETS - 1);
}
