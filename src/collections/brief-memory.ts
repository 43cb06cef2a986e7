import { BoundedMap } from './bounded-map.ts';

interface Remembered<Value> {
  readonly value: Value;
  /** In ms, on the clock of the caller. */
  readonly until: number;
}

/** Remembers values for a moment. Forgets all of them when it is full. */
export class BriefMemory<Value> {
  readonly #lifetimeMs: number;
  readonly #remembered: BoundedMap<string, Remembered<Value>>;

  constructor(lifetimeMs: number, maxSize: number) {
    this.#lifetimeMs = lifetimeMs;
    this.#remembered = new BoundedMap(maxSize, 'clear');
  }

  /** Returns the value of a key; undefined: there is none, or it is too old at `now` (ms), and so it is forgotten. */
  recall(key: string, now: number): Value | undefined {
    const known = this.#remembered.get(key);
    if (known !== undefined && now < known.until) return known.value;
    this.#remembered.delete(key);
    return undefined;
  }

  remember(key: string, value: Value, now: number): void {
    this.#remembered.set(key, { value, until: now + this.#lifetimeMs });
  }
}
