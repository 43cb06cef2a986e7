import { formatDuration, MAX_DURATION_SECONDS } from '../../domain/limits/duration.ts';
import type { Limit } from '../../domain/limits/limit.ts';
import { LIMIT_FIELDS, type LimitField, parseWindow, type UntrustedLimitSpec } from '../../domain/limits/limit-spec.ts';
import { parseLimit } from '../../domain/limits/parse-limit.ts';
import { withFoundYaml } from '../yaml/found-yaml.ts';
import { type LocatedMapping, readString, rejectUnknownFields, toJsValue } from '../yaml/read-fields.ts';
import type { FaultSink } from '../yaml/rules-fault.ts';
import { childLocation, type YamlLocation } from '../yaml/yaml-location.ts';
import { getField, isYamlMapping, type YamlValue } from '../yaml/yaml-values.ts';
import type { FileDefaults } from './file-defaults.ts';
import { readReplaces } from './read-replaces.ts';

const DAY_SECONDS = 86_400;

/**
 * Seconds of each `unit`. As in envoyproxy/ratelimit, a month has 30 days and a year 365 (`UnitToDivider` in its
 * src/utils/utilities.go).
 */
const UNIT_SECONDS: ReadonlyMap<string, number> = new Map([
  ['second', 1],
  ['minute', 60],
  ['hour', 3600],
  ['day', DAY_SECONDS],
  ['week', 7 * DAY_SECONDS],
  ['month', 30 * DAY_SECONDS],
  ['year', 365 * DAY_SECONDS],
]);
/** Windows of the units that have no fixed length in a calendar. */
const CALENDAR_WINDOWS: ReadonlyMap<string, string> = new Map([
  ['month', '1mo'],
  ['year', '1y'],
]);

/** Fields that give requests and window in the form of envoyproxy/ratelimit. */
const UNIT_FIELDS: readonly string[] = ['unit', 'requests_per_unit', 'unit_multiplier'];
/** Fields of our own form, with the field that replaces each in the form of envoyproxy/ratelimit. */
const REPLACED_BY_UNIT: Readonly<Partial<Record<LimitField, string>>> = {
  requests: 'requests_per_unit',
  window: 'unit',
};

/** All fields that a limit can have, in each of its three forms. */
const LIMIT_FIELD_NAMES = Object.keys(LIMIT_FIELDS) as LimitField[]; // the keys of a constant
const FIELDS_BY_WINDOW: readonly string[] = [...LIMIT_FIELD_NAMES, 'unlimited', 'replaces'];
const FIELDS_BY_UNIT: readonly string[] = [
  ...UNIT_FIELDS,
  ...FIELDS_BY_WINDOW.filter((field) => !Object.hasOwn(REPLACED_BY_UNIT, field)),
];
const FIELDS_IF_UNLIMITED: readonly string[] = ['unlimited', 'name', 'replaces'];

/** Fields whose values are numbers, booleans or lists of these. All others are strings, even if YAML reads a number. */
const NON_STRING_FIELDS: ReadonlySet<LimitField> = new Set([
  'requests',
  'burst',
  'lease',
  'settle',
  'charge_rejected',
  'anchor_day',
  'notify_at',
]);

/** Values for the fields that a limit leaves out. */
export interface LimitDefaults extends FileDefaults {
  /** undefined: the limit is named after its window. */
  readonly name?: string;
}

/** A limit as read from a file. */
export interface LimitReading {
  /** undefined: the limit is faulty. */
  readonly limit: Limit | undefined;
  readonly replaces: readonly string[];
}

/**
 * Reads one limit. It has the fields of a limit in a plan; or `unit`, `requests_per_unit` and perhaps `unit_multiplier`
 * in place of requests and window; or `unlimited: true`. It may have `replaces`.
 *
 * A limit without a name gets the name of its window in its shortest form, such as `1m`. Counters are kept by that
 * name, so they survive when the same window is written as `60s`.
 */
export function readLimit(
  value: YamlValue,
  location: YamlLocation,
  defaults: LimitDefaults,
  faults: FaultSink,
): LimitReading {
  if (!isYamlMapping(value)) {
    const expected = 'must be a mapping with unit and requests_per_unit, or with requests and window';
    faults.report(location, withFoundYaml(expected, value));
    return { limit: undefined, replaces: [] };
  }
  const faultsBefore = faults.count;
  const source: LocatedMapping = { mapping: value, location };
  const replaces = readReplaces(source, faults);
  const limit = new LimitReader(source, defaults, faults).read();
  return { limit: faults.count > faultsBefore ? undefined : limit, replaces };
}

class LimitReader {
  readonly #source: LocatedMapping;
  readonly #defaults: LimitDefaults;
  readonly #faults: FaultSink;

  constructor(source: LocatedMapping, defaults: LimitDefaults, faults: FaultSink) {
    this.#source = source;
    this.#defaults = defaults;
    this.#faults = faults;
  }

  /** undefined: the limit is faulty. */
  read(): Limit | undefined {
    const { mapping } = this.#source;
    const unlimited = this.#jsValue('unlimited');
    if (unlimited !== undefined && typeof unlimited !== 'boolean') {
      this.#reportValue('unlimited', 'must be true or false');
      return undefined;
    }
    if (unlimited === true) return this.#readUnlimited();
    return UNIT_FIELDS.some((field) => Object.hasOwn(mapping, field)) ? this.#readByUnit() : this.#readByWindow();
  }

  #readUnlimited(): Limit | undefined {
    rejectUnknownFields(this.#source, FIELDS_IF_UNLIMITED, this.#faults, (field) =>
      FIELDS_BY_UNIT.includes(field) || FIELDS_BY_WINDOW.includes(field)
        ? 'must be left out if unlimited is true'
        : undefined,
    );
    const name = readString(this.#source, 'name', this.#faults) || 'unlimited';
    return this.#parse({ name, algorithm: 'unlimited' });
  }

  #readByWindow(): Limit | undefined {
    rejectUnknownFields(this.#source, FIELDS_BY_WINDOW, this.#faults);
    return this.#parse(this.#withName(this.#readSpec()));
  }

  #readByUnit(): Limit | undefined {
    rejectUnknownFields(this.#source, FIELDS_BY_UNIT, this.#faults, (field) =>
      Object.hasOwn(REPLACED_BY_UNIT, field)
        ? 'must not be combined with unit, requests_per_unit or unit_multiplier'
        : undefined,
    );
    const spec = this.#readSpec();
    if (spec.algorithm === 'credits') return this.#rejectUnitFields();
    const window = this.#readUnitWindow(spec.algorithm);
    if (window === undefined) return undefined;
    return this.#parseByUnit(this.#withName({ ...spec, requests: this.#jsValue('requests_per_unit'), window }));
  }

  #rejectUnitFields(): undefined {
    for (const field of UNIT_FIELDS) {
      if (!Object.hasOwn(this.#source.mapping, field)) continue;
      this.#report(field, 'must be left out for the algorithm credits, which has requests and no window');
    }
    return undefined;
  }

  #readSpec(): UntrustedLimitSpec {
    const spec: Partial<Record<keyof UntrustedLimitSpec, unknown>> = {};
    for (const field of LIMIT_FIELD_NAMES) {
      if (!Object.hasOwn(this.#source.mapping, field)) continue;
      spec[LIMIT_FIELDS[field]] = NON_STRING_FIELDS.has(field)
        ? this.#jsValue(field)
        : readString(this.#source, field, this.#faults);
    }
    const algorithm = spec.algorithm || this.#defaults.algorithm;
    // A file with this default counts as envoyproxy/ratelimit does, which charges the requests that it rejects.
    const isAsInEnvoyproxy = algorithm === 'fixed_window' && this.#defaults.algorithm === 'fixed_window';
    const chargesRejected = this.#defaults.envoyproxy?.chargesRejected ?? true;
    return { ...spec, algorithm, chargeRejected: spec.chargeRejected ?? (isAsInEnvoyproxy && chargesRejected) };
  }

  #withName(spec: UntrustedLimitSpec): UntrustedLimitSpec {
    // An empty name means no name, as in envoyproxy/ratelimit.
    if (spec.name !== undefined && spec.name !== '') return spec;
    if (this.#defaults.name !== undefined) return { ...spec, name: this.#defaults.name };
    if (spec.algorithm === 'unlimited' || spec.algorithm === 'credits') return { ...spec, name: spec.algorithm };
    const window = parseWindow(spec.window);
    if (window === undefined) return { ...spec, name: 'limit' }; // any valid name: the window is faulty
    const hasNoFixedLength = window.unit === 'month' || window.unit === 'year';
    return { ...spec, name: hasNoFixedLength ? spec.window : formatDuration(window.seconds) };
  }

  #parse(spec: UntrustedLimitSpec): Limit | undefined {
    const limit = parseLimit(spec);
    if (!('faults' in limit)) return limit;
    for (const { field, description } of limit.faults) this.#report(field, description);
    return undefined;
  }

  /**
   * Accepts 0 requests, which reject everything, as in envoyproxy/ratelimit. In our own form, 0 is probably a mistake.
   */
  #parseByUnit(spec: UntrustedLimitSpec): Limit | undefined {
    const limit = parseLimit(spec, 0);
    if (!('faults' in limit)) return limit;
    for (const { field, description } of limit.faults) {
      if (field === 'window' && spec.algorithm === 'calendar') {
        const expected = 'must be hour, day, week, month or year, without unit_multiplier, for the algorithm calendar';
        this.#reportValue('unit', expected);
      } else {
        this.#report(REPLACED_BY_UNIT[field as LimitField] ?? field, description); // parseLimit reports no other fields
      }
    }
    return undefined;
  }

  /** Reads the window from `unit`, in any case as in envoyproxy/ratelimit, and `unit_multiplier`. */
  #readUnitWindow(algorithm: unknown): string | undefined {
    const { mapping } = this.#source;
    const name = readString(this.#source, 'unit', this.#faults);
    if (name === undefined && Object.hasOwn(mapping, 'unit')) return undefined;
    const unit = name?.toLowerCase() ?? '';
    const seconds = UNIT_SECONDS.get(unit);
    if (seconds === undefined) {
      this.#reportValue('unit', `must be one of ${[...UNIT_SECONDS.keys()].join(', ')}`);
      return undefined;
    }
    const multiplier = this.#jsValue('unit_multiplier');
    if (multiplier === undefined) return (algorithm === 'calendar' && CALENDAR_WINDOWS.get(unit)) || `${seconds}s`;
    const max = Math.floor(MAX_DURATION_SECONDS / seconds);
    if (typeof multiplier !== 'number' || !Number.isInteger(multiplier) || multiplier < 1 || multiplier > max) {
      this.#reportValue('unit_multiplier', `must be a whole number from 1 to ${max}`);
      return undefined;
    }
    return `${seconds * multiplier}s`;
  }

  #jsValue(field: string): unknown {
    return toJsValue(getField(this.#source.mapping, field));
  }

  #report(field: string, description: string): void {
    this.#faults.report(childLocation(this.#source.location, field), description);
  }

  /** Reports a fault of the field's value, which the description then shows. */
  #reportValue(field: string, expected: string): void {
    this.#report(field, withFoundYaml(expected, getField(this.#source.mapping, field)));
  }
}
