import { isMap, isScalar, isSeq, type YAMLMap } from 'yaml';
import { LONGEST_SECONDS, shortDuration } from '../core/duration.ts';
import type { Limit } from '../core/limit.ts';
import { parseLimit } from '../core/parse-limit.ts';
import { LIMIT_FIELDS, parseWindow, type UntrustedLimit } from '../core/written-limit.ts';
import { readReplaces } from './rule-replaces.ts';
import type { YamlReader } from './yaml-reader.ts';

const MOST_LIMITS = 16;
const DAY_SECONDS = 86_400;

/**
 * Seconds of a `unit`. To envoyproxy/ratelimit a month has 30 days and a year 365 (`UnitToDivider` in its
 * src/utils/utilities.go).
 */
const UNITS: Readonly<Record<string, number>> = {
  second: 1,
  minute: 60,
  hour: 3600,
  day: DAY_SECONDS,
  week: 7 * DAY_SECONDS,
  month: 30 * DAY_SECONDS,
  year: 365 * DAY_SECONDS,
};
const CALENDAR_UNITS = new Map([
  ['month', '1mo'],
  ['year', '1y'],
]);

/** Which of our fields stand for the ones of envoyproxy/ratelimit, to tell faults by the name that is written. */
const BY_UNIT = { requests: 'requests_per_unit', window: 'unit' } as const;

/** Fields whose YAML value is taken as it is; the others are texts, which YAML may read as something else. */
const PLAIN_FIELDS = new Set(['requests', 'burst', 'lease', 'settle', 'anchor_day']);

/** What a descriptor says of its limits. */
export interface RuleLimits {
  readonly limits: readonly Limit[];
  /** Names of limits that are not charged beside them. */
  readonly replaces: readonly string[];
}

const NO_LIMITS: RuleLimits = { limits: [], replaces: [] };

/**
 * The limits of one descriptor: `rate_limit: {…}`, or several in `limits: [{…}, …]`, which are decided together. Each
 * has the fields of a written limit, or `unit`, `requests_per_unit` and perhaps `unit_multiplier` for its requests and
 * window, or `unlimited: true`. A limit without a name has its window's, such as `1m`, however that is written: its
 * counters are kept by it. With `replaces: [{name}, …]` limits of these names are not charged beside it.
 */
export function readLimits(item: YAMLMap, defaultAlgorithm: string, reader: YamlReader): RuleLimits {
  if (!item.has('limits')) {
    if (!item.has('rate_limit')) return NO_LIMITS;
    const limits = new LimitReader('rate_limit', defaultAlgorithm, reader);
    const limit = limits.read(item.get('rate_limit', true));
    return { limits: limit === undefined ? [] : [limit], replaces: limits.replaces };
  }
  const list = item.get('limits', true) as unknown; // the library types it as a scalar only
  if (item.has('rate_limit')) reader.faultAt(list, 'limits: must not stand beside rate_limit; it goes into the list');
  if (!isSeq(list) || list.items.length === 0 || list.items.length > MOST_LIMITS) {
    reader.faultAt(list, `limits: must be a list of 1 to ${MOST_LIMITS} limits`);
    return NO_LIMITS;
  }
  const limits: Limit[] = [];
  const replaces: string[] = [];
  for (const [index, written] of list.items.entries()) {
    const limitReader = new LimitReader(`limits[${index}]`, defaultAlgorithm, reader);
    const limit = limitReader.read(written);
    replaces.push(...limitReader.replaces);
    if (limit === undefined) continue;
    if (limits.some(({ name }) => name === limit.name)) {
      reader.faultAt(
        written,
        `limits[${index}].name: must be unique, and left out it is the window; "${limit.name}" is taken`,
      );
    }
    limits.push(limit);
  }
  return { limits, replaces };
}

class LimitReader {
  readonly #place: string;
  readonly #defaultAlgorithm: string;
  readonly #reader: YamlReader;
  #replaces: readonly string[] = [];

  constructor(place: string, defaultAlgorithm: string, reader: YamlReader) {
    this.#place = place;
    this.#defaultAlgorithm = defaultAlgorithm;
    this.#reader = reader;
  }

  /** Of the limit that was read. */
  get replaces(): readonly string[] {
    return this.#replaces;
  }

  read(written: unknown): Limit | undefined {
    if (!isMap(written)) {
      const expected = 'must be a map with unit and requests_per_unit, or with requests and window';
      this.#reader.faultAt(written, `${this.#place}: ${expected}`);
      return undefined;
    }
    const before = this.#reader.faults.length;
    this.#replaces = readReplaces(written, this.#place, this.#reader);
    const limit = this.#limit(written);
    return this.#reader.faults.length > before ? undefined : limit;
  }

  #limit(written: YAMLMap): Limit | undefined {
    const unlimited = written.has('unlimited') ? plainOf(written, 'unlimited') : false;
    if (typeof unlimited !== 'boolean') {
      this.#fault(written, 'unlimited', 'must be true or false');
      return undefined;
    }
    if (unlimited) {
      this.#reader.knownFields(written, ['unlimited', 'name', 'replaces']);
      const name = this.#reader.textOf(written, 'name') ?? 'unlimited';
      return this.#parse(written, { name, algorithm: 'unlimited' }, {});
    }
    return this.#counted(written);
  }

  #counted(written: YAMLMap): Limit | undefined {
    const fields = Object.keys(LIMIT_FIELDS);
    const byUnit = ['unit', 'requests_per_unit', 'unit_multiplier'].some((field) => written.has(field));
    const own = byUnit
      ? ['unit', 'requests_per_unit', 'unit_multiplier', ...fields.filter((field) => !Object.hasOwn(BY_UNIT, field))]
      : fields;
    this.#reader.knownFields(written, [...own, 'unlimited', 'replaces']);
    const limit: Record<string, unknown> = {};
    for (const [field, key] of Object.entries(LIMIT_FIELDS)) {
      if (written.has(field))
        limit[key] = PLAIN_FIELDS.has(field) ? plainOf(written, field) : this.#reader.textOf(written, field);
    }
    const algorithm = limit.algorithm || this.#defaultAlgorithm;
    if (!byUnit) return this.#parse(written, this.#named({ ...limit, algorithm }), {});
    const window = this.#windowOfUnit(written, algorithm);
    if (window === undefined) return undefined;
    const requests = plainOf(written, BY_UNIT.requests);
    return this.#parse(written, this.#named({ ...limit, algorithm, requests, window }), BY_UNIT);
  }

  #named(limit: UntrustedLimit): UntrustedLimit {
    if (limit.name !== undefined) return limit;
    if (limit.algorithm === 'unlimited') return { ...limit, name: 'unlimited' };
    const window = parseWindow(limit.window);
    if (window === undefined) return { ...limit, name: 'limit' };
    const isText = window.unit === 'month' || window.unit === 'year';
    return { ...limit, name: isText ? limit.window : shortDuration(window.seconds) };
  }

  #parse(written: YAMLMap, untrusted: UntrustedLimit, names: Readonly<Record<string, string>>): Limit | undefined {
    const limit = parseLimit(untrusted);
    if (!('faults' in limit)) return limit;
    for (const { field, description } of limit.faults) {
      const name = names[field] ?? field;
      this.#fault(written, name, description);
    }
    return undefined;
  }

  /** The window of a `unit`, which envoyproxy/ratelimit reads in any case; of the calendar, its own months and years. */
  #windowOfUnit(written: YAMLMap, algorithm: unknown): string | undefined {
    const text = this.#reader.textOf(written, 'unit');
    if (text === undefined && written.has('unit')) return undefined;
    const unit = text?.toLowerCase() ?? '';
    const seconds = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
    if (seconds === undefined) {
      this.#fault(written, 'unit', `must be one of ${Object.keys(UNITS).join(', ')}`);
      return undefined;
    }
    if (!written.has('unit_multiplier')) return (algorithm === 'calendar' && CALENDAR_UNITS.get(unit)) || `${seconds}s`;
    const multiplier = plainOf(written, 'unit_multiplier');
    const most = Math.floor(LONGEST_SECONDS / seconds);
    if (typeof multiplier !== 'number' || !Number.isInteger(multiplier) || multiplier < 1 || multiplier > most) {
      this.#fault(written, 'unit_multiplier', `must be a whole number from 1 to ${most}`);
      return undefined;
    }
    return `${seconds * multiplier}s`;
  }

  /** At the field if it is written, else at the whole limit. */
  #fault(written: YAMLMap, field: string, description: string): void {
    this.#reader.faultAt(written.get(field, true) ?? written, `${this.#place}.${field}: ${description}`);
  }
}

/** The value of a field as YAML reads it; null where it is a list or a map, which no field is. */
function plainOf(map: YAMLMap, field: string): unknown {
  const node: unknown = map.get(field, true);
  return isScalar(node) ? node.value : node === undefined ? undefined : null;
}
