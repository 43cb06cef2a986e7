import { BoundedMap } from '../../collections/bounded-map.ts';
import type { ConfigurationFault, UnknownSettings } from '../../decide/check/configuration-fault.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import { suggestName } from '../../domain/validation/suggest-name.ts';
import { type ChangedSettings, chooseFault, type RouteSettings, SETTING_BITS } from './route-settings.ts';

interface Setting {
  /** In lower case. Keys are matched in any case. */
  readonly key: string;
  readonly bit: number;
  readonly expected: string;
  /** Whether the request is denied for a wrong value even if other unknown settings are ignored. */
  readonly isAlwaysDenied?: boolean;
  /** Applies the value to the settings. Returns false if the value is not valid. */
  apply(value: string, settings: ChangedSettings): boolean;
}

/** Where a setting was written. The text says so in faults. */
export type SettingPlace = 'context extension' | 'annotation';

/** The highest uint32, as for a descriptor's hits_addend in envoy.service.ratelimit.v3. */
const MAX_COST = 2 ** 32 - 1;

const AUTHS = ['required', 'optional'] as const;

/**
 * The defaults can be written, too: this lets a route undo the setting of its virtual host. An empty value never
 * counts: it comes from a template without its variable, and would mean that nothing is required.
 */
const SETTINGS: readonly Setting[] = [
  {
    key: 'weir.rate_limit',
    bit: SETTING_BITS.rateLimit,
    expected: 'must be on or off',
    apply: (value, settings) => {
      settings.rateLimitOff = isWord(value, 'off');
      return settings.rateLimitOff || isWord(value, 'on');
    },
  },
  {
    key: 'weir.auth',
    bit: SETTING_BITS.auth,
    expected: 'must be required or optional',
    apply: (value, settings) => {
      const auth = AUTHS.find((word) => isWord(value, word));
      if (auth !== undefined) settings.auth = auth;
      return auth !== undefined;
    },
  },
  {
    key: 'weir.cors_preflight',
    bit: SETTING_BITS.corsPreflight,
    expected: 'must be deny or allow',
    apply: (value, settings) => {
      settings.allowsPreflight = isWord(value, 'allow');
      return settings.allowsPreflight || isWord(value, 'deny');
    },
  },
  {
    key: 'weir.require',
    bit: SETTING_BITS.require,
    expected: 'must name at least one feature',
    apply: (value, settings) => {
      settings.requiredFeatures = splitList(value);
      return settings.requiredFeatures.length > 0;
    },
  },
  {
    key: 'weir.cost',
    bit: SETTING_BITS.cost,
    expected: `must be a whole number from 0 to ${MAX_COST}`,
    isAlwaysDenied: true,
    apply: (value, settings) => {
      settings.cost = Number(value);
      return /^[0-9]{1,10}$/.test(value) && settings.cost <= MAX_COST;
    },
  },
  {
    key: 'weir.route',
    bit: SETTING_BITS.route,
    expected: 'must be the name of a route, without white space around it',
    apply: (value, settings) => {
      settings.route = value;
      return value !== '' && value === value.trim();
    },
  },
];

/** The keys in the order of the indexes that `applySetting` takes. */
export const SETTING_KEYS: readonly string[] = SETTINGS.map(({ key }) => key);

/** Returns `settings` with the setting of an index applied, or with the fault that it has. */
export function applySetting(
  index: number,
  text: string,
  settings: RouteSettings,
  unknownSettings: UnknownSettings,
  place: SettingPlace,
): RouteSettings {
  const setting = SETTINGS[index];
  if (setting === undefined) throw new RangeError(`no setting has the index ${index}`);
  const isRepeated = (settings.written & setting.bit) !== 0; // possible only with keys in different case
  const changed = { ...settings, written: settings.written | setting.bit };
  if (!isRepeated && setting.apply(text, changed)) return changed;
  const expected = isRepeated ? 'must not be there twice' : setting.expected;
  return addFault(settings, {
    name: setting.key,
    description: isRepeated ? expected : withFound(expected, text),
    message: `this route is misconfigured: its ${place} ${setting.key} ${expected}`,
    isDenied: unknownSettings === 'deny' || isRepeated || setting.isAlwaysDenied === true,
  });
}

/** Returns `settings` with the fault of a key that is not in the table; unchanged if the key is not for Weir. */
export function applyUnknownKey(key: string, settings: RouteSettings, unknownSettings: UnknownSettings): RouteSettings {
  const description = describeUnknownKey(key);
  if (description === undefined) return settings;
  const isDenied = unknownSettings === 'deny';
  return addFault(settings, { name: key, description, message: undefined, isDenied });
}

/** Names are those of the proxy's configuration, which may have any length. */
const MAX_NAME_LENGTH = 64;

function addFault(settings: RouteSettings, fault: ConfigurationFault): RouteSettings {
  const named = { ...fault, name: fault.name.slice(0, MAX_NAME_LENGTH) };
  return { ...settings, configurationFault: chooseFault(settings.configurationFault, named) };
}

/** Descriptions of keys that are not known; undefined: the key is not for Weir. All come from the proxy's configuration. */
const unknownKeys = new BoundedMap<string, string | undefined>(1_000, 'clear');

/** Longer keys are not worth the memory of a cache. */
const MAX_KEY_LENGTH = 256;
const EXPECTED_KEY = `must be one of ${SETTING_KEYS.join(', ')}`;

/** Weir's prefix with any separator, so that `weir_auth`, `weir-auth` and `weir` alone are not overlooked. */
const WEIR_KEY = /^\s*weir(?![a-z0-9])/i;

/** Returns undefined for a key that is not for Weir. One that nearly is a known key, such as `wier.auth`, is. */
function describeUnknownKey(key: string): string | undefined {
  if (key.length > MAX_KEY_LENGTH) return WEIR_KEY.test(key) ? EXPECTED_KEY : undefined;
  if (unknownKeys.has(key)) return unknownKeys.get(key);
  const suggestion = suggestName(key.trim().toLowerCase(), SETTING_KEYS);
  const isForWeir = suggestion !== undefined || WEIR_KEY.test(key);
  const question = suggestion === undefined ? '' : `; did you mean ${suggestion}?`;
  const description = isForWeir ? `${EXPECTED_KEY}${question}` : undefined;
  unknownKeys.set(key, description);
  return description;
}

/** Whether the value is the word, in any case. */
function isWord(value: string, word: string): boolean {
  return value === word || value.toLowerCase() === word;
}

/** Text in double quotes; or text without commas and white space, such as a scope of OAuth. */
const LIST_ITEM = /"[^"]*"|[^\s,]+/g;

/** Splits a list such as `export, bulk`, `read:orders write:orders` or `"Super Admin", bulk`. Drops empty items. */
function splitList(text: string): readonly string[] {
  const items = text.match(LIST_ITEM) ?? [];
  return text.includes('"') ? items.map((item) => item.replace(/^"(.+)"$/, '$1')) : items;
}
