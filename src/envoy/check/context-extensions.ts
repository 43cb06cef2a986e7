import type { CheckQuestion } from '../../decide/check/check.ts';
import { namesByLength, type WireReader } from '../wire/wire-reader.ts';
import { entryText, readEntry } from './map-entry.ts';

/** What a route tells Check, by context extensions of ext_authz. */
export type RouteSettings = Pick<
  CheckQuestion,
  'route' | 'rateLimitOff' | 'requiredFeatures' | 'allowsAnonymous' | 'cost'
> & { readonly allowsPreflight: boolean };

const NAMES = ['rate_limit', 'require', 'auth', 'cost', 'route', 'cors_preflight'];
const EXTENSIONS = namesByLength(NAMES.map((name) => `weir.${name}`));
const [RATE_LIMIT, REQUIRE, AUTH, COST, ROUTE, CORS_PREFLIGHT] = [0, 1, 2, 3, 4, 5];

/** As of a descriptor's hits_addend in envoy.service.ratelimit.v3. */
const HIGHEST_COST = 2 ** 32 - 1;

/** What holds unless a route says otherwise. */
export const NO_SETTINGS: RouteSettings = {
  route: undefined,
  rateLimitOff: false,
  requiredFeatures: [],
  allowsAnonymous: false,
  allowsPreflight: false,
  cost: 1,
};

/** The settings with what the context extension says that the reader is at; those of others are left as they are. */
export function readContextExtension(reader: WireReader, settings: RouteSettings): RouteSettings {
  const { key, value } = readEntry(reader);
  const index = key === 0 ? -1 : reader.oneOfAt(key, EXTENSIONS);
  if (index < 0) return settings;
  const text = entryText(reader, value);
  if (index === RATE_LIMIT) return { ...settings, rateLimitOff: text === 'off' };
  if (index === REQUIRE) return { ...settings, requiredFeatures: listed(text) };
  if (index === AUTH) return { ...settings, allowsAnonymous: text === 'optional' };
  if (index === COST) return { ...settings, cost: costOf(text) };
  if (index === ROUTE) return { ...settings, route: text };
  return index === CORS_PREFLIGHT ? { ...settings, allowsPreflight: text === 'allow' } : settings;
}

/** undefined where it is no whole number that can be charged. */
function costOf(text: string): number | undefined {
  const cost = Number(text);
  return /^[0-9]{1,10}$/.test(text) && cost <= HIGHEST_COST ? cost : undefined;
}

/** `a, b` */
function listed(text: string): readonly string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
