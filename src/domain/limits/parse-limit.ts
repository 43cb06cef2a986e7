import { canonicalTimeZone } from '../counting/calendar-period.ts';
import type { FieldFault, Invalid } from '../validation/field-fault.ts';
import { withFound } from '../validation/found-value.ts';
import { parseDuration } from './duration.ts';
import type {
  Algorithm,
  CalendarLimit,
  CalendarUnit,
  CountedLimit,
  CreditsLimit,
  Limit,
  StoreFailurePolicy,
} from './limit.ts';
import { escapeLimitName, isLimitName, LIMIT_NAME_FORM } from './limit-name.ts';
import { LIMIT_FIELDS, type LimitField, type LimitWindow, parseWindow, type UntrustedLimitSpec } from './limit-spec.ts';

/** Options of every algorithm that counts hits by time. */
const TIMED_OPTIONS: readonly LimitField[] = [
  'block_for',
  'settle',
  'charge_rejected',
  'on_store_failure',
  'notify_at',
];

/** The fields that an algorithm accepts, apart from name and algorithm. */
const ALGORITHM_FIELDS: Readonly<Record<Algorithm, readonly LimitField[]>> = {
  sliding_window: ['requests', 'window', 'lease', ...TIMED_OPTIONS],
  fixed_window: ['requests', 'window', ...TIMED_OPTIONS],
  token_bucket: ['requests', 'window', 'burst', ...TIMED_OPTIONS],
  calendar: ['requests', 'window', 'time_zone', 'anchor_day', ...TIMED_OPTIONS],
  concurrency: ['requests', 'window', 'on_store_failure', 'notify_at'],
  credits: ['requests', 'settle', 'charge_rejected', 'on_store_failure', 'notify_at'],
  unlimited: [],
};
export const ALGORITHMS: readonly string[] = Object.keys(ALGORITHM_FIELDS);

const STORE_FAILURE_POLICIES: readonly string[] = [
  'local',
  'allow',
  'allow_uncounted',
  'deny',
] satisfies StoreFailurePolicy[];
const MAX_REQUESTS = 2 ** 32 - 1;
const MICROS_PER_SECOND = 1_000_000;
const MAX_THRESHOLDS = 5;
/** A slot with a longer lifetime would not be freed soon enough after a crash to be of use. */
const MAX_SLOT_SECONDS = 86_400;
const CALENDAR_WINDOWS = { hour: '1h', day: '1d', week: '1w', month: '1mo', year: '1y' } as const;

/**
 * Validates a limit. Returns the limit, or every fault with the field's name. Never throws. With `minRequests` 0, a
 * limit may have 0 requests and rejects everything; by default, 0 means that the field was left out.
 */
export function parseLimit(spec: UntrustedLimitSpec, minRequests: 0 | 1 = 1): Limit | Invalid {
  const parser = new LimitParser(spec, minRequests);
  const limit = parser.parse();
  return parser.faults.length === 0 ? limit : { faults: parser.faults };
}

type CommonOptions = Pick<
  CountedLimit,
  'blockForSeconds' | 'settle' | 'chargeRejected' | 'onStoreFailure' | 'notifyAt'
>;

/** Continues with a valid value after an invalid field, so that the faults of the other fields are reported as well. */
class LimitParser {
  readonly faults: FieldFault[] = [];
  readonly #spec: UntrustedLimitSpec;
  readonly #minRequests: number;

  constructor(spec: UntrustedLimitSpec, minRequests: number) {
    this.#spec = spec;
    this.#minRequests = minRequests;
  }

  parse(): Limit {
    const name = this.#parseName();
    const { algorithm: specified } = this.#spec;
    const algorithm = isAlgorithm(specified) ? specified : 'sliding_window';
    if (algorithm === 'unlimited') {
      this.#rejectOtherFields(algorithm);
      return { name, algorithm };
    }
    if (algorithm === 'credits') return this.#parseCredits(name);
    // A token bucket with 0 requests never refills, so no retry-after could be given.
    const minRequests = algorithm === 'token_bucket' ? 1 : this.#minRequests;
    const requests = this.#parseInteger('requests', MAX_REQUESTS, minRequests) ?? 1;
    const window = this.#parseWindow(algorithm);
    if (!isAlgorithm(specified) && !isLeftOut(specified)) {
      this.#faultOfValue('algorithm', `must be one of ${ALGORITHMS.join(', ')}`);
    } else {
      this.#rejectOtherFields(algorithm);
    }
    const counted = { name, requests, windowSeconds: window.seconds, ...this.#parseCommonOptions() };
    const escapedName = escapeLimitName(name);
    const identity = `${escapedName}/${algorithm[0]}${window.seconds}`; // first letters that differ: s, f, t
    switch (algorithm) {
      case 'sliding_window':
        return { ...counted, algorithm, identity, ...this.#parseLease() };
      case 'token_bucket':
        return { ...counted, algorithm, identity, burst: this.#parseBurst(requests, window.seconds) };
      case 'calendar':
        return { ...counted, algorithm, ...this.#parseCalendar(escapedName, window.unit ?? 'month') };
      case 'concurrency':
        return { ...counted, algorithm, identity: `${escapedName}/n${window.seconds}` };
      case 'fixed_window':
        return { ...counted, algorithm, identity };
    }
  }

  #parseCredits(name: string): CreditsLimit {
    this.#rejectOtherFields('credits');
    const requests = this.#parseInteger('requests', MAX_REQUESTS, this.#minRequests) ?? 1;
    const identity = `${escapeLimitName(name)}/b`; // a balance
    return { name, requests, ...this.#parseCommonOptions(), algorithm: 'credits', identity };
  }

  #fault(field: LimitField, description: string): void {
    this.faults.push({ field, description });
  }

  /** Records a fault of the field's value, which the description then shows. */
  #faultOfValue(field: LimitField, expected: string): void {
    this.#fault(field, withFound(expected, this.#spec[LIMIT_FIELDS[field]]));
  }

  #parseName(): string {
    const { name } = this.#spec;
    if (isLimitName(name)) return name;
    this.#faultOfValue('name', LIMIT_NAME_FORM);
    return '';
  }

  /** Rejects fields that the algorithm does not use. Ignoring them would break what their author relies on. */
  #rejectOtherFields(algorithm: Algorithm): void {
    const fields = Object.entries(LIMIT_FIELDS) as [LimitField, keyof UntrustedLimitSpec][]; // of a constant
    for (const [field, key] of fields) {
      if (field === 'name' || field === 'algorithm' || ALGORITHM_FIELDS[algorithm].includes(field)) continue;
      const value = this.#spec[key];
      if (isLeftOut(value) || (field === 'requests' && value === 0)) continue;
      const others = ALGORITHMS.filter((other) => isAlgorithm(other) && ALGORITHM_FIELDS[other].includes(field));
      this.#fault(field, `must be left out for the algorithm ${algorithm}; allowed for ${others.join(', ')}`);
    }
  }

  /** undefined: the value is invalid. */
  #parseInteger(field: 'requests' | 'burst' | 'anchor_day', max: number, min = 1): number | undefined {
    const value = this.#spec[LIMIT_FIELDS[field]];
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    this.#faultOfValue(field, `must be a whole number from ${min} to ${max}`);
    return undefined;
  }

  #parseWindow(algorithm: Algorithm): LimitWindow {
    const window = parseWindow(this.#spec.window);
    const { unit, seconds } = window ?? { unit: undefined, seconds: 0 };
    if (window === undefined) {
      this.#faultOfValue(
        'window',
        'must be a whole number and a unit, such as 30s, 5m (minutes), 1h, 7d or 1w, up to 3650d; for the algorithm ' +
          'calendar also 1mo (a month) or 1y (a year)',
      );
    } else if (algorithm === 'calendar') {
      if (unit === undefined) {
        this.#faultOfValue(
          'window',
          'must be 1h, 1d, 1w, 1mo (a month) or 1y (a year) for the algorithm calendar, the default for limits of a ' +
            'plan from 1d on',
        );
      }
    } else if (unit === 'month' || unit === 'year') {
      this.#faultOfValue(
        'window',
        'must be in s, m (minutes), h, d or w: only the algorithm calendar has months and years',
      );
    } else if (algorithm === 'concurrency' && seconds > MAX_SLOT_SECONDS) {
      this.#faultOfValue('window', 'must be at most 1d: a slot that is never released stays taken for that time');
    }
    return window ?? { seconds: 60, unit };
  }

  /** Parses the options that all algorithms share; `parse` rejects the ones that the algorithm does not accept. */
  #parseCommonOptions(): CommonOptions {
    const { blockFor, onStoreFailure } = this.#spec;
    const blockForSeconds = typeof blockFor === 'string' ? parseDuration(blockFor) : undefined;
    if (blockForSeconds === undefined && !isLeftOut(blockFor)) {
      this.#faultOfValue('block_for', 'must be a whole number and a unit, such as 30s, 5m, 1h or 1d, up to 3650d');
    }
    const hasPolicy = isStoreFailurePolicy(onStoreFailure);
    if (!hasPolicy && !isLeftOut(onStoreFailure)) {
      this.#faultOfValue('on_store_failure', `must be one of ${STORE_FAILURE_POLICIES.join(', ')}`);
    }
    const settle = this.#parseFlag('settle');
    const chargeRejected = this.#parseFlag('charge_rejected');
    const notifyAt = this.#parseNotifyAt();
    return {
      ...(blockForSeconds !== undefined && { blockForSeconds }),
      ...(settle && { settle }),
      ...(chargeRejected && { chargeRejected }),
      ...(hasPolicy && { onStoreFailure }),
      ...(notifyAt !== undefined && { notifyAt }),
    };
  }

  #parseLease(): { lease?: true } {
    if (!this.#parseFlag('lease')) return {};
    if (this.#spec.settle === true) {
      this.#fault('settle', 'must be left out if lease is set: leased grants have no receipt');
    }
    return { lease: true };
  }

  #parseFlag(field: 'lease' | 'settle' | 'charge_rejected'): boolean {
    const value = this.#spec[LIMIT_FIELDS[field]];
    if (value !== true && !isLeftOut(value)) this.#faultOfValue(field, 'must be true or false');
    return value === true;
  }

  /** Sorted, so that limits with the same shares are equal. */
  #parseNotifyAt(): readonly number[] | undefined {
    const { notifyAt } = this.#spec;
    if (isLeftOut(notifyAt)) return undefined;
    const shares: readonly unknown[] = Array.isArray(notifyAt) ? notifyAt : [];
    const isValid = shares.every((share) => Number.isInteger(share) && Number(share) >= 1 && Number(share) <= 100);
    if (isValid && shares.length <= MAX_THRESHOLDS && new Set(shares).size === shares.length && shares.length > 0) {
      return shares.map(Number).sort((one, other) => one - other);
    }
    this.#faultOfValue('notify_at', `must be a list of 1 to ${MAX_THRESHOLDS} different whole numbers from 1 to 100`);
    return undefined;
  }

  #parseBurst(requests: number, windowSeconds: number): number {
    const burst = isLeftOut(this.#spec.burst) ? requests : (this.#parseInteger('burst', MAX_REQUESTS) ?? 1);
    // Beyond this, TokenBucket.debt would exceed 2^53 and lose part of the refill to rounding.
    const max = Math.floor(Number.MAX_SAFE_INTEGER / (windowSeconds * MICROS_PER_SECOND));
    if (burst > max) {
      const expected = `must be at most ${max} for a window of ${windowSeconds} seconds; the default is requests`;
      this.#fault('burst', withFound(expected, burst));
    }
    return burst;
  }

  #parseCalendar(
    escapedName: string,
    unit: CalendarUnit,
  ): Pick<CalendarLimit, 'unit' | 'timeZone' | 'anchorDay' | 'identity'> {
    const timeZone = this.#parseTimeZone();
    const anchorDay = this.#parseAnchorDay(unit);
    const zoneSuffix = timeZone === undefined ? '' : `@${timeZone}`;
    const anchorSuffix = anchorDay === undefined ? '' : `#${anchorDay}`;
    return {
      unit,
      identity: `${escapedName}/c${CALENDAR_WINDOWS[unit]}${zoneSuffix}${anchorSuffix}`,
      ...(timeZone !== undefined && { timeZone }),
      ...(anchorDay !== undefined && { anchorDay }),
    };
  }

  /** undefined for UTC, so that limits with and without an explicit UTC share their counter. */
  #parseTimeZone(): string | undefined {
    const { timeZone } = this.#spec;
    const canonical = typeof timeZone === 'string' ? canonicalTimeZone(timeZone) : undefined;
    if (canonical === undefined && !isLeftOut(timeZone)) {
      this.#faultOfValue(
        'time_zone',
        'must be the name of a time zone in the IANA database, such as UTC or Europe/Berlin',
      );
    }
    return canonical === 'UTC' ? undefined : canonical;
  }

  /** undefined for the 1st, for the same reason. */
  #parseAnchorDay(unit: CalendarUnit): number | undefined {
    if (isLeftOut(this.#spec.anchorDay)) return undefined;
    const day = this.#parseInteger('anchor_day', 31);
    if (day !== undefined && unit !== 'month') this.#fault('anchor_day', 'must be left out unless the window is 1mo');
    return day === 1 ? undefined : day;
  }
}

function isLeftOut(value: unknown): boolean {
  return value === undefined || value === '' || value === false || (Array.isArray(value) && value.length === 0);
}

function isAlgorithm(value: unknown): value is Algorithm {
  return typeof value === 'string' && Object.hasOwn(ALGORITHM_FIELDS, value);
}

function isStoreFailurePolicy(value: unknown): value is StoreFailurePolicy {
  return typeof value === 'string' && STORE_FAILURE_POLICIES.includes(value);
}
