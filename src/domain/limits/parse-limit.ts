import { timeZoneNamed } from '../counting/calendar-period.ts';
import { parseDuration } from './duration.ts';
import type { Algorithm, CalendarLimit, CalendarUnit, Limit, StoreFailurePolicy } from './limit.ts';
import {
  type Fault,
  LIMIT_FIELDS,
  type LimitField,
  parseWindow,
  type UntrustedLimitSpec,
  type Window,
} from './limit-spec.ts';

/** The fields that an algorithm has besides name and algorithm. */
const FIELDS: Readonly<Record<Algorithm, readonly LimitField[]>> = {
  sliding_window: ['requests', 'window', 'block_for', 'lease', 'settle', 'on_store_failure'],
  fixed_window: ['requests', 'window', 'block_for', 'settle', 'on_store_failure'],
  token_bucket: ['requests', 'window', 'burst', 'block_for', 'settle', 'on_store_failure'],
  calendar: ['requests', 'window', 'time_zone', 'anchor_day', 'block_for', 'settle', 'on_store_failure'],
  concurrency: ['requests', 'window', 'on_store_failure'],
  unlimited: [],
};
export const ALGORITHMS: readonly string[] = Object.keys(FIELDS);

const POLICIES: readonly string[] = ['local', 'allow', 'deny'] satisfies StoreFailurePolicy[];
const NAME = /^[a-z0-9_-]{1,63}$/;
const MOST_REQUESTS = 2 ** 32 - 1;
const MICROSECONDS = 1_000_000;
/** A slot that lives longer does not free itself soon enough after a crash to be of use. */
const LONGEST_SLOT_SECONDS = 86_400;
const CALENDAR_WINDOWS = { hour: '1h', day: '1d', week: '1w', month: '1mo', year: '1y' } as const;

/**
 * A limit that cannot be wrong, or every fault of what was written, each with the field's name. Never throws. Where 0
 * requests do not mean that they were left out, they may be the fewest: a limit that refuses everything.
 */
export function parseLimit(
  written: UntrustedLimitSpec,
  fewestRequests: 0 | 1 = 1,
): Limit | { readonly faults: readonly Fault[] } {
  const parser = new LimitParser(written, fewestRequests);
  const limit = parser.parse();
  return parser.faults.length === 0 ? limit : { faults: parser.faults };
}

/** Where a field is wrong, it goes on with some right value, so that the others' faults are told as well. */
class LimitParser {
  readonly faults: Fault[] = [];
  readonly #written: UntrustedLimitSpec;
  readonly #fewestRequests: number;

  constructor(written: UntrustedLimitSpec, fewestRequests: number) {
    this.#written = written;
    this.#fewestRequests = fewestRequests;
  }

  parse(): Limit {
    const name = this.#name();
    const { algorithm: named } = this.#written;
    const algorithm = isAlgorithm(named) ? named : 'sliding_window';
    if (algorithm === 'unlimited') {
      this.#noFieldOfOthers(algorithm);
      return { name, algorithm };
    }
    // No time can be told after which nothing would have refilled a bucket.
    const fewest = algorithm === 'token_bucket' ? 1 : this.#fewestRequests;
    const requests = this.#whole('requests', MOST_REQUESTS, fewest) ?? 1;
    const window = this.#window(algorithm);
    if (!isAlgorithm(named) && !isLeftOut(named)) this.#fault('algorithm', `must be one of ${ALGORITHMS.join(', ')}`);
    else this.#noFieldOfOthers(algorithm);
    const counted = { name, requests, windowSeconds: window.seconds, ...this.#optionsOfAll() };
    const identity = `${name}/${algorithm[0]}${window.seconds}`; // s, f, t, c: the algorithms' first letters differ
    switch (algorithm) {
      case 'sliding_window':
        return { ...counted, algorithm, identity, ...this.#lease() };
      case 'token_bucket':
        return { ...counted, algorithm, identity, burst: this.#burst(requests, window.seconds) };
      case 'calendar':
        return { ...counted, algorithm, ...this.#calendar(name, window.unit ?? 'month') };
      case 'concurrency':
        return { ...counted, algorithm, identity: `${name}/n${window.seconds}` };
      case 'fixed_window':
        return { ...counted, algorithm, identity };
    }
  }

  #fault(field: LimitField, description: string): void {
    this.faults.push({ field, description });
  }

  #name(): string {
    const { name } = this.#written;
    if (typeof name === 'string' && NAME.test(name)) return name;
    this.#fault('name', 'must be 1 to 63 characters of a-z, 0-9, "-" and "_"');
    return '';
  }

  /** What is written but does not take part must not be dropped silently: somebody relies on it. */
  #noFieldOfOthers(algorithm: Algorithm): void {
    for (const [field, key] of Object.entries(LIMIT_FIELDS) as [LimitField, keyof UntrustedLimitSpec][]) {
      if (field === 'name' || field === 'algorithm' || FIELDS[algorithm].includes(field)) continue;
      const value = this.#written[key];
      if (isLeftOut(value) || (field === 'requests' && value === 0)) continue;
      const others = ALGORITHMS.filter((other) => isAlgorithm(other) && FIELDS[other].includes(field));
      this.#fault(field, `must be left out for the algorithm ${algorithm}; ${others.join(', ')} can have it`);
    }
  }

  /** undefined where it is wrong. */
  #whole(field: 'requests' | 'burst' | 'anchor_day', most: number, fewest = 1): number | undefined {
    const value = this.#written[LIMIT_FIELDS[field]];
    if (typeof value === 'number' && Number.isInteger(value) && value >= fewest && value <= most) return value;
    this.#fault(field, `must be a whole number from ${fewest} to ${most}`);
    return undefined;
  }

  #window(algorithm: Algorithm): Window {
    const window = parseWindow(this.#written.window);
    const { unit, seconds } = window ?? { unit: undefined, seconds: 0 };
    if (window === undefined) {
      this.#fault(
        'window',
        'must be a whole number and a unit, such as 30s, 5m (minutes), 1h, 7d or 1w, up to 3650d, or for the algorithm ' +
          'calendar 1mo (a month) or 1y (a year)',
      );
    } else if (algorithm === 'calendar') {
      if (unit === undefined) {
        this.#fault(
          'window',
          'must be 1h, 1d, 1w, 1mo (a month) or 1y (a year) for the algorithm calendar, which limits of a plan have ' +
            'from 1d on unless they name another',
        );
      }
    } else if (unit === 'month' || unit === 'year') {
      this.#fault('window', 'must be in s, m (minutes), h, d or w; only the algorithm calendar knows months and years');
    } else if (algorithm === 'concurrency' && seconds > LONGEST_SLOT_SECONDS) {
      this.#fault('window', 'must be at most 1d: a slot that is not given back is held for so long');
    }
    return window ?? { seconds: 60, unit };
  }

  #optionsOfAll(): { blockForSeconds?: number; settle?: true; onStoreFailure?: StoreFailurePolicy } {
    const { blockFor, onStoreFailure } = this.#written;
    const blockForSeconds = typeof blockFor === 'string' ? parseDuration(blockFor) : undefined;
    if (blockForSeconds === undefined && !isLeftOut(blockFor)) {
      this.#fault('block_for', 'must be a whole number and a unit, such as 30s, 5m, 1h or 1d, up to 3650d');
    }
    const isKnown = isPolicy(onStoreFailure);
    if (!isKnown && !isLeftOut(onStoreFailure)) {
      this.#fault('on_store_failure', `must be one of ${POLICIES.join(', ')}`);
    }
    const settle = this.#flag('settle');
    return {
      ...(blockForSeconds !== undefined && { blockForSeconds }),
      ...(settle && { settle }),
      ...(isKnown && { onStoreFailure }),
    };
  }

  #lease(): { lease?: true } {
    if (!this.#flag('lease')) return {};
    if (this.#written.settle === true)
      this.#fault('settle', 'must not stand beside lease, which grants without a receipt');
    return { lease: true };
  }

  #flag(field: 'lease' | 'settle'): boolean {
    const value = this.#written[field];
    if (value !== true && !isLeftOut(value)) this.#fault(field, 'must be true or false');
    return value === true;
  }

  #burst(requests: number, windowSeconds: number): number {
    const burst = isLeftOut(this.#written.burst) ? requests : (this.#whole('burst', MOST_REQUESTS) ?? 1);
    // See Bucket.debt: beyond it, what drips in would be lost to rounding.
    const most = Math.floor(Number.MAX_SAFE_INTEGER / (windowSeconds * MICROSECONDS));
    if (burst > most) {
      const description = `must be at most ${most} for a window of ${windowSeconds} seconds; left out, it is requests`;
      this.#fault('burst', description);
    }
    return burst;
  }

  #calendar(name: string, unit: CalendarUnit): Pick<CalendarLimit, 'unit' | 'timeZone' | 'anchorDay' | 'identity'> {
    const timeZone = this.#timeZone();
    const anchorDay = this.#anchorDay(unit);
    const zone = timeZone === undefined ? '' : `@${timeZone}`;
    const anchor = anchorDay === undefined ? '' : `#${anchorDay}`;
    return {
      unit,
      identity: `${name}/c${CALENDAR_WINDOWS[unit]}${zone}${anchor}`,
      ...(timeZone !== undefined && { timeZone }),
      ...(anchorDay !== undefined && { anchorDay }),
    };
  }

  /** UTC is left out, so that with and without it is one counter. */
  #timeZone(): string | undefined {
    const { timeZone } = this.#written;
    const known = typeof timeZone === 'string' ? timeZoneNamed(timeZone) : undefined;
    if (known === undefined && !isLeftOut(timeZone)) {
      this.#fault('time_zone', 'must be the name of a time zone of the IANA database, such as UTC or Europe/Berlin');
    }
    return known === 'UTC' ? undefined : known;
  }

  /** Likewise the 1st. */
  #anchorDay(unit: CalendarUnit): number | undefined {
    if (isLeftOut(this.#written.anchorDay)) return undefined;
    const day = this.#whole('anchor_day', 31);
    if (day !== undefined && unit !== 'month') this.#fault('anchor_day', 'must be left out unless the window is 1mo');
    return day === 1 ? undefined : day;
  }
}

function isLeftOut(value: unknown): boolean {
  return value === undefined || value === '' || value === false;
}

function isAlgorithm(value: unknown): value is Algorithm {
  return typeof value === 'string' && Object.hasOwn(FIELDS, value);
}

function isPolicy(value: unknown): value is StoreFailurePolicy {
  return typeof value === 'string' && POLICIES.includes(value);
}
