import { formatDuration, MAX_DURATION_SECONDS } from '../../domain/limits/duration.ts';
import type { Limit } from '../../domain/limits/limit.ts';
import { LIMIT_FIELDS, type LimitField, parseWindow, type UntrustedLimitSpec } from '../../domain/limits/limit-spec.ts';
import { parseLimit } from '../../domain/limits/parse-limit.ts';
import { childLocation, knownFields, optionalText, plainOf, type YamlNode } from '../yaml/read-fields.ts';
import type { FaultSink, YamlLocation } from '../yaml/rules-fault.ts';
import { fieldOf, isYamlList, isYamlMap, type YamlValue } from '../yaml/yaml-values.ts';
import { readReplaces } from './rule-replaces.ts';

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

const FIELDS_OF_UNIT = ['unit', 'requests_per_unit', 'unit_multiplier'];
const LIMIT_FIELD_NAMES = Object.keys(LIMIT_FIELDS) as LimitField[]; // no others than those
const KNOWN_BY_WINDOW = [...LIMIT_FIELD_NAMES, 'unlimited', 'replaces'];
const KNOWN_BY_UNIT = [...FIELDS_OF_UNIT, ...KNOWN_BY_WINDOW.filter((field) => !Object.hasOwn(BY_UNIT, field))];

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
export function readLimits(item: YamlNode, defaultAlgorithm: string, faults: FaultSink): RuleLimits {
  const { map, location } = item;
  if (!Object.hasOwn(map, 'limits')) {
    const written = fieldOf(map, 'rate_limit');
    if (written === undefined) return NO_LIMITS;
    const limits = new LimitReader({ label: 'rate_limit', defaultAlgorithm }, faults);
    const limit = limits.read(written, childLocation(location, 'rate_limit'));
    return { limits: limit === undefined ? [] : [limit], replaces: limits.replaces };
  }
  const listPlace = childLocation(location, 'limits');
  if (Object.hasOwn(map, 'rate_limit')) {
    faults.at(listPlace, 'limits: must not stand beside rate_limit; it goes into the list');
  }
  const list = fieldOf(map, 'limits');
  if (isYamlList(list) && list.length > 0 && list.length <= MOST_LIMITS) {
    return readList(list, listPlace, defaultAlgorithm, faults);
  }
  faults.at(listPlace, `limits: must be a list of 1 to ${MOST_LIMITS} limits`);
  return NO_LIMITS;
}

function readList(
  list: readonly YamlValue[],
  listPlace: YamlLocation,
  defaultAlgorithm: string,
  faults: FaultSink,
): RuleLimits {
  const limits: Limit[] = [];
  const replaces: string[] = [];
  for (const [index, written] of list.entries()) {
    const location = childLocation(listPlace, index);
    const reader = new LimitReader({ label: `limits[${index}]`, defaultAlgorithm }, faults);
    const limit = reader.read(written, location);
    replaces.push(...reader.replaces);
    if (limit === undefined) continue;
    if (limits.some(({ name }) => name === limit.name)) {
      const description = `must be unique, and left out it is the window; "${limit.name}" is taken`;
      faults.at(location, `limits[${index}].name: ${description}`);
    }
    limits.push(limit);
  }
  return { limits, replaces };
}

/** A limit that stands alone, and replaces none; undefined, with a fault, where there is none. */
export function readLimit(
  written: YamlValue,
  location: YamlLocation,
  defaults: LimitDefaults,
  faults: FaultSink,
): Limit | undefined {
  const reader = new LimitReader(defaults, faults);
  const limit = reader.read(written, location);
  if (reader.replaces.length > 0)
    faults.at(childLocation(location, 'replaces'), `${defaults.label}.replaces: must be left out`);
  return limit;
}

interface LimitDefaults {
  /** What faults call the limit. */
  readonly label: string;
  readonly defaultAlgorithm: string;
  /** Of one that has none; undefined: its window's. */
  readonly name?: string;
}

class LimitReader {
  readonly #defaults: LimitDefaults;
  readonly #faults: FaultSink;
  #replaces: readonly string[] = [];

  constructor(defaults: LimitDefaults, faults: FaultSink) {
    this.#defaults = defaults;
    this.#faults = faults;
  }

  get #label(): string {
    return this.#defaults.label;
  }

  /** Of the limit that was read. */
  get replaces(): readonly string[] {
    return this.#replaces;
  }

  read(written: YamlValue, location: YamlLocation): Limit | undefined {
    if (!isYamlMap(written)) {
      const expected = 'must be a map with unit and requests_per_unit, or with requests and window';
      this.#faults.at(location, `${this.#label}: ${expected}`);
      return undefined;
    }
    const placed = { map: written, location };
    const before = this.#faults.count;
    this.#replaces = readReplaces(placed, this.#label, this.#faults);
    const limit = this.#limit(placed);
    return this.#faults.count > before ? undefined : limit;
  }

  #limit(written: YamlNode): Limit | undefined {
    const unlimited = plainOf(written.map, 'unlimited');
    if (unlimited !== undefined && typeof unlimited !== 'boolean') {
      this.#fault(written, 'unlimited', 'must be true or false');
      return undefined;
    }
    if (unlimited === true) {
      knownFields(written, ['unlimited', 'name', 'replaces'], this.#faults);
      const name = optionalText(written, 'name', this.#faults) ?? 'unlimited';
      return this.#parse(written, { name, algorithm: 'unlimited' }, {});
    }
    return this.#counted(written);
  }

  #counted(written: YamlNode): Limit | undefined {
    const { map } = written;
    const byUnit = FIELDS_OF_UNIT.some((field) => Object.hasOwn(map, field));
    knownFields(written, byUnit ? KNOWN_BY_UNIT : KNOWN_BY_WINDOW, this.#faults);
    const limit: Record<string, unknown> = {};
    for (const field of LIMIT_FIELD_NAMES) {
      if (!Object.hasOwn(map, field)) continue;
      limit[LIMIT_FIELDS[field]] = PLAIN_FIELDS.has(field)
        ? plainOf(map, field)
        : optionalText(written, field, this.#faults);
    }
    const algorithm = limit.algorithm || this.#defaults.defaultAlgorithm;
    if (!byUnit) return this.#parse(written, this.#named({ ...limit, algorithm }), {});
    const window = this.#windowOfUnit(written, algorithm);
    if (window === undefined) return undefined;
    const requests = plainOf(map, BY_UNIT.requests);
    return this.#parse(written, this.#named({ ...limit, algorithm, requests, window }), BY_UNIT);
  }

  #named(limit: UntrustedLimitSpec): UntrustedLimitSpec {
    const { name } = this.#defaults;
    if (limit.name !== undefined) return limit;
    if (name !== undefined) return { ...limit, name };
    if (limit.algorithm === 'unlimited') return { ...limit, name: 'unlimited' };
    const window = parseWindow(limit.window);
    if (window === undefined) return { ...limit, name: 'limit' };
    const isText = window.unit === 'month' || window.unit === 'year';
    return { ...limit, name: isText ? limit.window : formatDuration(window.seconds) };
  }

  #parse(written: YamlNode, untrusted: UntrustedLimitSpec, names: Readonly<Record<string, string>>): Limit | undefined {
    // To envoyproxy/ratelimit 0 refuses everything; in our own form it is more likely a mistake.
    const limit = parseLimit(untrusted, names === BY_UNIT ? 0 : 1);
    if (!('faults' in limit)) return limit;
    for (const { field, description } of limit.faults) {
      const name = names[field] ?? field;
      this.#fault(written, name, description);
    }
    return undefined;
  }

  /** The window of a `unit`, which envoyproxy/ratelimit reads in any case; of the calendar, its own months and years. */
  #windowOfUnit(written: YamlNode, algorithm: unknown): string | undefined {
    const { map } = written;
    const text = optionalText(written, 'unit', this.#faults);
    if (text === undefined && Object.hasOwn(map, 'unit')) return undefined;
    const unit = text?.toLowerCase() ?? '';
    const seconds = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
    if (seconds === undefined) {
      this.#fault(written, 'unit', `must be one of ${Object.keys(UNITS).join(', ')}`);
      return undefined;
    }
    const multiplier = plainOf(map, 'unit_multiplier');
    if (multiplier === undefined) return (algorithm === 'calendar' && CALENDAR_UNITS.get(unit)) || `${seconds}s`;
    const most = Math.floor(MAX_DURATION_SECONDS / seconds);
    if (typeof multiplier !== 'number' || !Number.isInteger(multiplier) || multiplier < 1 || multiplier > most) {
      this.#fault(written, 'unit_multiplier', `must be a whole number from 1 to ${most}`);
      return undefined;
    }
    return `${seconds * multiplier}s`;
  }

  /** At the field if it is written, else at the whole limit. */
  #fault({ location }: YamlNode, field: string, description: string): void {
    this.#faults.at(childLocation(location, field), `${this.#label}.${field}: ${description}`);
  }
}
