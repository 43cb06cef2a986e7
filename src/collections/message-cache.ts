const SETS = 1024;
/** Slots per set. With one slot, every tenth of a thousand messages would find none free. */
const SLOTS_PER_SET = 4;
/** If more distinct messages come in turn, none would still be cached when it comes again. */
const MAX_TRACKED_MISSES = SETS * SLOTS_PER_SET;
const INITIAL_LIVES = 16;
/** Longer messages are not cached. */
const MAX_MESSAGE_BYTES = 256;

/**
 * Caches values by the bytes of a message: some thousand messages that came at least twice recently. A message that
 * comes once leaves nothing behind but a bit of its hash. A 4-way set-associative cache.
 */
export class MessageCache<Value> {
  /**
   * Messages by slot, in pieces of equal length. As objects, they would burden the garbage collector more than the
   * cache saves.
   */
  readonly #bytes = new Uint8Array(SETS * SLOTS_PER_SET * MAX_MESSAGE_BYTES);
  readonly #lengths = new Uint16Array(SETS * SLOTS_PER_SET);
  readonly #hashes = new Int32Array(SETS * SLOTS_PER_SET);
  readonly #values: (Value | undefined)[] = new Array<Value | undefined>(SETS * SLOTS_PER_SET).fill(undefined);
  /** One bit for each upper half of a hash: whether a recent miss had it. */
  readonly #missed = new Uint32Array(2 ** 16 / 32);
  #misses = 0;
  /** By slot: the number of offers to its set that the message survives without being asked for again. */
  readonly #lives = new Uint8Array(SETS * SLOTS_PER_SET);
  #hash = 0;

  /** undefined: the message is not cached. */
  get(message: Uint8Array): Value | undefined {
    const hash = hashMessage(message);
    this.#hash = hash;
    const first = setIndexFor(hash) * SLOTS_PER_SET;
    for (let slot = first; slot < first + SLOTS_PER_SET; slot++) {
      const value = this.#values[slot];
      if (value !== undefined && this.#hashes[slot] === hash && this.#isMessageAt(slot, message)) {
        this.#lives[slot] = INITIAL_LIVES;
        return value;
      }
    }
    return undefined;
  }

  /**
   * Offers the value of a message. Must follow the `get` that did not find the message. Returns whether the value was
   * cached: only if the message has come before.
   */
  offer(message: Uint8Array, value: Value): boolean {
    const hash = this.#hash;
    if (message.length > MAX_MESSAGE_BYTES || this.#isFirstMiss(hash)) return false;
    const slot = this.#findFreeSlot(setIndexFor(hash) * SLOTS_PER_SET);
    if (slot < 0) return false;
    this.#bytes.set(message, slot * MAX_MESSAGE_BYTES);
    this.#lengths[slot] = message.length;
    this.#hashes[slot] = hash;
    this.#values[slot] = value;
    this.#lives[slot] = INITIAL_LIVES;
    return true;
  }

  clear(): void {
    this.#values.fill(undefined);
    this.#lives.fill(0);
  }

  /**
   * Negative: all slots of the set are in use. Evicting one for every message without a slot would cost more than
   * caching saves: values that have grown old are the most expensive garbage.
   */
  #findFreeSlot(first: number): number {
    let free = -1;
    for (let slot = first; slot < first + SLOTS_PER_SET; slot++) {
      const lives = this.#lives[slot] ?? 0;
      if (lives === 0) free = slot;
      else this.#lives[slot] = lives - 1;
    }
    return free;
  }

  #isFirstMiss(hash: number): boolean {
    const word = hash >>> 21;
    const bit = 1 << ((hash >>> 16) & 31);
    if (((this.#missed[word] ?? 0) & bit) !== 0) return false;
    if (this.#misses++ >= MAX_TRACKED_MISSES) {
      this.#missed.fill(0);
      this.#misses = 0;
    }
    this.#missed[word] = (this.#missed[word] ?? 0) | bit;
    return true;
  }

  #isMessageAt(slot: number, message: Uint8Array): boolean {
    if (this.#lengths[slot] !== message.length) return false;
    const start = slot * MAX_MESSAGE_BYTES;
    for (let index = 0; index < message.length; index++) {
      if (this.#bytes[start + index] !== message[index]) return false;
    }
    return true;
  }
}

/**
 * FNV-1a with the length as its seed. An attacker who constructs messages with equal hashes only keeps messages of one
 * set out of the cache.
 */
function hashMessage(message: Uint8Array): number {
  let hash = message.length;
  for (let index = 0; index < message.length; index++) {
    hash = Math.imul(hash ^ (message[index] ?? 0), 0x01000193);
  }
  return hash;
}

function setIndexFor(hash: number): number {
  return (hash ^ (hash >>> 16)) & (SETS - 1);
}
