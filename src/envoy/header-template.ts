import type { LimitStatus } from '../core/verdict.ts';
import { encodedBy, type HeaderForm } from './header-options.ts';
import { writeRateLimitHeaders } from './rate-limit-headers.ts';
import type { WireWriter } from './wire-writer.ts';

/**
 * The headers of a granted request with one limit, encoded but for what remains and when it resets. They are most of an
 * answer, and copied whole they cost a fifth of what writing them does.
 */
interface HeaderTemplate {
  readonly remainingDigits: number;
  readonly resetDigits: number;
  readonly bytes: Uint8Array;
  /** Where the digits stand, each time. */
  readonly remainingAt: readonly number[];
  readonly resetAt: readonly number[];
}

/** The templates of one limit: one for each number of digits, as lengths depend on it. */
export class HeaderTemplates {
  readonly #form: HeaderForm;
  readonly #field: number;
  /** By the last bit of both numbers of digits: neighbours, between which a limit's answers change, stand apart. */
  readonly #templates: (HeaderTemplate | undefined)[] = [undefined, undefined, undefined, undefined];

  constructor(form: HeaderForm, field: number) {
    this.#form = form;
    this.#field = field;
  }

  write(into: WireWriter, status: LimitStatus): void {
    const { remaining, resetSeconds } = status;
    const template = this.#templateFor(status, digitsOf(remaining), digitsOf(resetSeconds));
    into.encoded(template.bytes);
    into.digitsAt(template.remainingAt, template.remainingDigits, remaining);
    into.digitsAt(template.resetAt, template.resetDigits, resetSeconds);
  }

  #templateFor(status: LimitStatus, remainingDigits: number, resetDigits: number): HeaderTemplate {
    const place = (remainingDigits & 1) | ((resetDigits & 1) << 1);
    const known = this.#templates[place];
    if (known?.remainingDigits === remainingDigits && known.resetDigits === resetDigits) return known;
    const encode = (remaining: number, resetSeconds: number) =>
      encodedBy((into) => {
        const limits = [{ ...status, remaining, resetSeconds }];
        writeRateLimitHeaders(into, this.#form, this.#field, { limits });
      });
    const [remaining, resetSeconds] = [10 ** (remainingDigits - 1), 10 ** (resetDigits - 1)];
    const bytes = encode(remaining, resetSeconds);
    const template = {
      remainingDigits,
      resetDigits,
      bytes,
      // The first digit is another.
      remainingAt: differences(bytes, encode(remaining * 2, resetSeconds)),
      resetAt: differences(bytes, encode(remaining, resetSeconds * 2)),
    };
    this.#templates[place] = template;
    return template;
  }
}

function differences(one: Uint8Array, other: Uint8Array): number[] {
  return [...one.keys()].filter((place) => one[place] !== other[place]);
}

function digitsOf(value: number): number {
  let digits = 1;
  for (let bound = 10; value >= bound; bound *= 10) digits++;
  return digits;
}
