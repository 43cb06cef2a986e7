import type { CheckQuestion } from '../../decide/check/check-question.ts';
import { buildNameTable } from '../wire/name-table.ts';
import type { WireReader } from '../wire/wire-reader.ts';
import { readEntryString, readMapEntry } from './map-entry.ts';

/** A route's settings for Check, from the context extensions of its ext_authz filter. */
export type RouteSettings = Pick<
  CheckQuestion,
  'route' | 'rateLimitOff' | 'requiredFeatures' | 'allowsAnonymous' | 'cost'
> & { readonly allowsPreflight: boolean };

/** Index of each extension in EXTENSIONS; its name has the prefix `weir.`. */
const EXTENSION = { rate_limit: 0, require: 1, auth: 2, cost: 3, route: 4, cors_preflight: 5 };
const EXTENSIONS = buildNameTable(Object.keys(EXTENSION).map((name) => `weir.${name}`));

/** The highest uint32, as for a descriptor's hits_addend in envoy.service.ratelimit.v3. */
const MAX_COST = 2 ** 32 - 1;

/** The settings of a route without context extensions. */
export const DEFAULT_ROUTE_SETTINGS: RouteSettings = {
  route: undefined,
  rateLimitOff: false,
  requiredFeatures: [],
  allowsAnonymous: false,
  allowsPreflight: false,
  cost: 1,
};

/**
 * Reads the context extension at the reader and returns `settings` with it applied. Returns them unchanged for an
 * extension that is not Weir's.
 */
export function applyContextExtension(reader: WireReader, settings: RouteSettings): RouteSettings {
  const { key, value } = readMapEntry(reader);
  const index = key === 0 ? -1 : reader.findNameAt(key, EXTENSIONS);
  if (index < 0) return settings;
  const text = readEntryString(reader, value);
  if (index === EXTENSION.rate_limit) return { ...settings, rateLimitOff: text === 'off' };
  if (index === EXTENSION.require) return { ...settings, requiredFeatures: splitList(text) };
  if (index === EXTENSION.auth) return { ...settings, allowsAnonymous: text === 'optional' };
  if (index === EXTENSION.cost) return { ...settings, cost: parseCost(text) };
  if (index === EXTENSION.route) return { ...settings, route: text };
  return index === EXTENSION.cors_preflight ? { ...settings, allowsPreflight: text === 'allow' } : settings;
}

/** Returns undefined for anything but an integer from 0 to MAX_COST. */
function parseCost(text: string): number | undefined {
  const cost = Number(text);
  return /^[0-9]{1,10}$/.test(text) && cost <= MAX_COST ? cost : undefined;
}

/** Text in double quotes; or text without commas and white space, such as a scope of OAuth. */
const LIST_ITEM = /"[^"]*"|[^\s,]+/g;

/** Splits a list such as `export, bulk`, `read:orders write:orders` or `"Super Admin", bulk`. Drops empty items. */
function splitList(text: string): readonly string[] {
  const items = text.match(LIST_ITEM) ?? [];
  return text.includes('"') ? items.map((item) => item.replace(/^"(.+)"$/, '$1')) : items;
}
