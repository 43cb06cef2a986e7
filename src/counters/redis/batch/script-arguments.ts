import { createHash } from 'node:crypto';
import type { Charge } from '../../../decide/ports.ts';
import { type CounterSpec, counterSpec } from '../../../domain/counting/counter-spec.ts';
import type { CountedLimit } from '../../../domain/limits/limit.ts';
import { formatCounterKey } from './counter-key.ts';

/** KEYS and ARGV of one call of a script, but for its not-after; each key and each term stands in them once. */
export interface ScriptArguments {
  readonly keys: readonly string[];
  readonly args: readonly (number | string)[];
}

/** Gathers what a script is given (terms-lua.ts, `ARGV`). Places are counted from 1. */
export class ScriptArgumentsBuilder {
  readonly #prefix: string;
  /** µs since 1970, for the periods of calendars. */
  readonly #now: number;
  readonly #keys: string[] = [];
  readonly #subjects = new Map<string, number>();
  readonly #termArgs: (number | string)[] = [];
  readonly #limits = new Map<CountedLimit, number>();
  /** Of charges that settle, or that are made ahead. */
  readonly #special = new Map<string, Map<CountedLimit, number>>();
  #terms = 0;

  constructor(prefix: string, now: number) {
    this.#prefix = prefix;
    this.#now = now;
  }

  get keyCount(): number {
    return this.#keys.length;
  }

  addSubject(subject: string): number {
    const known = this.#subjects.get(subject);
    if (known !== undefined) return known;
    const place = this.addKey(formatCounterKey(this.#prefix, subject));
    this.#subjects.set(subject, place);
    return place;
  }

  /** Of a key that stands in the call once. */
  addKey(key: string): number {
    return this.#keys.push(key);
  }

  addSpec({ limit, isSettlement = false, spentWithinMicros = 0 }: Charge): number {
    const places =
      isSettlement || spentWithinMicros > 0 ? this.#specialPlaces(isSettlement, spentWithinMicros) : this.#limits;
    const known = places.get(limit);
    if (known !== undefined) return known;
    const place = this.#addTerm(limit, isSettlement, spentWithinMicros);
    places.set(limit, place);
    return place;
  }

  build(...packed: readonly string[]): ScriptArguments {
    return { keys: this.#keys, args: [this.#terms, ...this.#termArgs, ...packed] };
  }

  #specialPlaces(settles: boolean, ahead: number): Map<CountedLimit, number> {
    const name = `${settles}|${ahead}`;
    const known = this.#special.get(name);
    if (known !== undefined) return known;
    const places = new Map<CountedLimit, number>();
    this.#special.set(name, places);
    return places;
  }

  #addTerm(limit: CountedLimit, settles: boolean, ahead: number): number {
    const term = counterSpec(limit, this.#now);
    this.#termArgs.push(hashLimitIdentity(limit), ...numbersOf(term), term.blockMicros, ahead, settles ? 1 : 0);
    return ++this.#terms;
  }
}

/** Kind, requests, x, y, z. */
function numbersOf(term: CounterSpec): readonly number[] {
  switch (term.kind) {
    case 'window':
      return [1, term.requests, term.resolutionMicros, term.lifetimeMicros, 0];
    case 'calendar':
      return [2, term.requests, term.start, term.end, term.nextEnd];
    case 'token_bucket':
      return [3, term.requests, term.windowMicros, term.burst, 0];
  }
}

const IDENTITY_BYTES = 6;
const identityNumbers = new WeakMap<CountedLimit, number>();

/**
 * What a subject's value knows the limit by: the first six bytes of its identity's SHA-1. Two limits of one subject would
 * have to agree in 48 bits to be counted as one.
 */
export function hashLimitIdentity(limit: CountedLimit): number {
  const known = identityNumbers.get(limit);
  if (known !== undefined) return known;
  const number = createHash('sha1').update(limit.identity).digest().readUIntBE(0, IDENTITY_BYTES);
  identityNumbers.set(limit, number);
  return number;
}
