import { hash } from 'node:crypto';
import { invalidArgument } from '../../domain/api-error.ts';
import type { FieldFault } from '../../domain/limits/limit-spec.ts';
import { quoteName } from '../../domain/quote-name.ts';

/** Of what is named by who makes it. */
const CHOSEN_ID = /^[a-z][a-z0-9-]{0,62}$/;
const RANDOM_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The kinds of resources, by the first part of their names. */
const ID_FORMS = {
  plans: CHOSEN_ID,
  issuers: CHOSEN_ID,
  accounts: RANDOM_ID,
  apiKeys: RANDOM_ID,
  signingKeys: RANDOM_ID,
} as const;
export type Collection = keyof typeof ID_FORMS;

const LONGEST_DISPLAY_NAME = 200;
const DEFAULT_PAGE = 100;
const LARGEST_PAGE = 1_000;
/** Of a digest of what a list asks for. It tells lists apart and protects nothing: what a caller may see is asked each time. */
const LIST_DIGITS = 16;

/** Collects what is wrong with a request, so that its caller is told all of it at once. */
export class FieldViolations {
  readonly #faults: FieldFault[] = [];

  add(field: string, description: string): void {
    this.#faults.push({ field, description });
  }

  /** Throws `invalid` with everything collected so far, if that is anything. */
  throwIfAny(): void {
    if (this.#faults.length > 0) throw invalidArgument(...this.#faults);
  }

  /** The id in a resource name, such as `team` of `plans/team`; a fault where it is no such name. */
  idOf(collection: Collection, field: string, name: string): string {
    const id = name.startsWith(`${collection}/`) ? name.slice(collection.length + 1) : '';
    if (!ID_FORMS[collection].test(id))
      this.add(field, `must be the name of one of the ${collection}: ${collection}/…`);
    return id;
  }

  chosenId(field: string, id: string): void {
    if (!CHOSEN_ID.test(id)) this.add(field, 'must be 1 to 63 characters of a-z, 0-9 and "-", beginning with a letter');
  }

  displayName(field: string, text: string): void {
    if (text.length > LONGEST_DISPLAY_NAME) this.add(field, `must be at most ${LONGEST_DISPLAY_NAME} characters`);
    if (/\p{Cc}/u.test(text)) this.add(field, 'must not hold control characters');
  }

  /** Null for an absent time. */
  time(field: string, time: Date | undefined): Date | null {
    if (time === undefined) return null;
    if (Number.isNaN(time.getTime()) || time.getUTCFullYear() < 1 || time.getUTCFullYear() > 9999) {
      this.add(field, 'must be a time from year 1 to 9999');
    }
    return time;
  }

  /** The fields to update, of all that can be: those that the mask names, else those that are set. */
  mask<Field extends string>(mask: string, isSet: Readonly<Record<Field, boolean>>): ReadonlySet<Field> {
    const known = Object.keys(isSet) as Field[]; // keys() forgets the type of what it lists
    if (mask === '') return new Set(known.filter((field) => isSet[field]));
    if (mask === '*') return new Set(known);
    const paths = mask
      .split(',')
      .map((path) => path.trim().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));
    for (const path of paths) {
      if (known.some((field) => field === path)) continue;
      this.add('update_mask', `${quoteName(path)} cannot be updated; what can is ${known.join(', ')}`);
    }
    return new Set(known.filter((field) => paths.includes(field)));
  }

  /** `list`: what the request says beside its page, if it says anything; all pages of a list have it in common. */
  page(collection: Collection, request: { readonly pageSize: number; readonly pageToken: string }, list = ''): Page {
    const { pageSize, pageToken } = request;
    if (pageSize < 0) this.add('page_size', 'must not be negative');
    const [after = '', ...rest] = Buffer.from(pageToken, 'base64url').toString().split(' ');
    const suffix = list === '' ? '' : ` ${hash('sha256', list, 'hex').slice(0, LIST_DIGITS)}`;
    if (pageToken !== '' && !ID_FORMS[collection].test(after)) {
      this.add('page_token', 'must be the next_page_token of an earlier answer');
    } else if (pageToken !== '' && [after, ...rest].join(' ') !== after + suffix) {
      this.add('page_token', 'must be of the same list: only the page size may be another');
    }
    return { size: Math.min(pageSize === 0 ? DEFAULT_PAGE : pageSize, LARGEST_PAGE), after, suffix };
  }
}

export interface Page {
  readonly size: number;
  /** The id that the page before ended with; empty: this is the first page. */
  readonly after: string;
  /** What its token has beside the id: which list it is of. */
  readonly suffix: string;
}

/** Splits off what was read beyond a page, to know whether there is another. */
export function splitPage<T extends { readonly id: string }>(rows: readonly T[], page: Page) {
  const rest = rows.length > page.size;
  const items = rows.slice(0, page.size);
  const nextPageToken = rest ? Buffer.from((items.at(-1)?.id ?? '') + page.suffix).toString('base64url') : '';
  return { items, nextPageToken };
}
