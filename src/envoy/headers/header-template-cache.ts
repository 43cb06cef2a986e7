import type { LimitStatus } from '../../domain/limit-status.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import type { WireWriter } from '../wire/wire-writer.ts';
import { encodedBy, type HeaderForm } from './header-writer.ts';
import { writeRateLimitHeaders } from './limit-headers.ts';

/**
 * The headers of a granted request, encoded but for what remains of its limits and when they reset. They are most of an
 * answer, and copied whole they cost a fifth of what writing them does.
 */
interface HeaderTemplate {
  /** The place of the limit that the older headers tell. */
  readonly tightest: number;
  /** How many digits each number has: of each limit what remains and when it resets. */
  readonly digits: readonly number[];
  readonly bytes: Uint8Array;
  /** Of each number, where its digits stand. */
  readonly places: readonly (readonly number[])[];
}

/** With more, templates would be as many as the numbers of digits that theirs can have together. */
const MOST_TEMPLATE_LIMITS = 4;
const SLOTS = 8;

/** Of the answer that is written: the number of digits of each number. */
const digits: number[] = [];

/** The templates of limits that are charged together: one for each number of digits, as lengths depend on it. */
export class HeaderTemplates {
  readonly #form: HeaderForm;
  readonly #field: number;
  /** By the last bits of the numbers of digits: neighbours, between which answers change, stand apart. */
  readonly #templates: (HeaderTemplate | undefined)[] = new Array(SLOTS).fill(undefined);

  constructor(form: HeaderForm, field: number) {
    this.#form = form;
    this.#field = field;
  }

  write(into: WireWriter, limits: readonly LimitStatus[], tightest: LimitStatus): void {
    const template = this.#templateFor(limits, limits.indexOf(tightest));
    into.encoded(template.bytes);
    for (let place = 0; place < limits.length; place++) {
      const status = limits[place];
      if (status === undefined) continue;
      into.digitsAt(template.places[2 * place] ?? NONE, template.digits[2 * place] ?? 0, status.remaining);
      into.digitsAt(template.places[2 * place + 1] ?? NONE, template.digits[2 * place + 1] ?? 0, status.resetSeconds);
    }
  }

  #templateFor(limits: readonly LimitStatus[], tightest: number): HeaderTemplate {
    let slot = tightest;
    for (let place = 0; place < limits.length; place++) {
      const status = limits[place];
      if (status === undefined) continue;
      const ofRemaining = digitsOf(status.remaining);
      const ofReset = digitsOf(status.resetSeconds);
      digits[2 * place] = ofRemaining;
      digits[2 * place + 1] = ofReset;
      slot = slot * 3 + (ofRemaining & 1) + ((ofReset & 1) << 1);
    }
    const known = this.#templates[slot % SLOTS];
    if (known !== undefined && known.tightest === tightest && hasSameDigits(known)) return known;
    const template = this.#encode(limits, tightest);
    this.#templates[slot % SLOTS] = template;
    return template;
  }

  #encode(limits: readonly LimitStatus[], tightest: number): HeaderTemplate {
    const ofLimits = digits.slice(0, 2 * limits.length);
    const numbers = ofLimits.map((count) => 10 ** (count - 1));
    const encode = (told: readonly number[]) =>
      encodedBy((into) => {
        const statuses = limits.map((status, place) => {
          return { ...status, remaining: told[2 * place] ?? 0, resetSeconds: told[2 * place + 1] ?? 0 };
        });
        writeRateLimitHeaders(into, this.#form, this.#field, { limits: statuses, tightest: statuses[tightest] });
      });
    const bytes = encode(numbers);
    // Of each number in turn the first digit is another.
    const places = numbers.map((_, changed) =>
      differences(bytes, encode(numbers.map((number, place) => (place === changed ? number * 2 : number)))),
    );
    return { tightest, digits: ofLimits, bytes, places };
  }
}

const NONE: readonly number[] = [];

function hasSameDigits(template: HeaderTemplate): boolean {
  for (let place = 0; place < template.digits.length; place++) {
    if (template.digits[place] !== digits[place]) return false;
  }
  return true;
}

function differences(one: Uint8Array, other: Uint8Array): number[] {
  return [...one.keys()].filter((place) => one[place] !== other[place]);
}

function digitsOf(value: number): number {
  let count = 1;
  for (let bound = 10; value >= bound; bound *= 10) count++;
  return count;
}

interface ListedLimits {
  readonly limits: readonly CountedLimit[];
  readonly templates: HeaderTemplates;
}

/** Making templates costs as much as writing fifty answers, so they are not made over and over. */
const MOST_LISTS = 16;

/** The templates of all limits that are charged together, in one form and for one field. */
export class ListedHeaderTemplates {
  readonly #form: HeaderForm;
  readonly #field: number;
  /** By the last of the limits; lists that end with it are as many as its rule is matched with others. */
  readonly #listed = new WeakMap<CountedLimit, ListedLimits[]>();

  constructor(form: HeaderForm, field: number) {
    this.#form = form;
    this.#field = field;
  }

  /** Those of these limits, in this order; undefined where there would be too many. */
  of(statuses: readonly LimitStatus[]): HeaderTemplates | undefined {
    const last = statuses[statuses.length - 1]?.limit;
    if (last === undefined || statuses.length > MOST_TEMPLATE_LIMITS) return undefined;
    let lists = this.#listed.get(last);
    if (lists === undefined) {
      lists = [];
      this.#listed.set(last, lists);
    }
    for (const list of lists) if (isOf(list, statuses)) return list.templates;
    if (lists.length >= MOST_LISTS) return undefined;
    const templates = new HeaderTemplates(this.#form, this.#field);
    lists.push({ limits: statuses.map(({ limit }) => limit), templates });
    return templates;
  }
}

function isOf({ limits }: ListedLimits, statuses: readonly LimitStatus[]): boolean {
  if (limits.length !== statuses.length) return false;
  for (let place = 0; place < limits.length; place++) if (limits[place] !== statuses[place]?.limit) return false;
  return true;
}
