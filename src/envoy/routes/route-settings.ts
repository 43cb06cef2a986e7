import type { CheckQuestion } from '../../decide/check/check-question.ts';
import type { Route, RouteAuth } from '../../domain/routes/route.ts';
import { AMBIGUOUS_PATH, type RouteTable } from '../../domain/routes/route-table.ts';

/**
 * The settings of a route for Check. They come from the context extensions of its ext_authz filter, from the annotations of
 * its resource, and from the route table.
 */
export interface RouteSettings
  extends Pick<
    CheckQuestion,
    'route' | 'rateLimitOff' | 'requiredFeatures' | 'cost' | 'configurationFault' | 'pathFault'
  > {
  readonly auth: RouteAuth;
  readonly allowsPreflight: boolean;
  /** One bit of SETTING_BITS for each setting that is not the default, or that was written all the same. */
  readonly written: number;
}

/** A copy of the settings, which the source that made it changes. */
export type ChangedSettings = { -readonly [Name in keyof RouteSettings]: RouteSettings[Name] };

export const SETTING_BITS = { rateLimit: 1, auth: 2, corsPreflight: 4, require: 8, cost: 16, route: 32 } as const;

/** The settings of a route that nobody has configured. */
export const DEFAULT_ROUTE_SETTINGS: RouteSettings = {
  route: undefined,
  rateLimitOff: false,
  requiredFeatures: [],
  auth: 'required',
  allowsPreflight: false,
  cost: 1,
  configurationFault: undefined,
  pathFault: undefined,
  written: 0,
};

/** The parts of a request that a route table needs to find its route. Empty: absent. */
export interface RoutedRequest {
  readonly host: string;
  readonly method: string;
  readonly path: string;
}

/**
 * Adds settings of a source with less precedence: each applies if `settings` does not have it. Required features add up, so
 * that no source can drop those of another.
 */
export function addSettings(settings: RouteSettings, lower: RouteSettings): RouteSettings {
  if (lower === DEFAULT_ROUTE_SETTINGS) return settings;
  if (settings === DEFAULT_ROUTE_SETTINGS) return lower;
  const choose = (bit: number) => ((settings.written & bit) === 0 ? lower : settings);
  return {
    route: choose(SETTING_BITS.route).route,
    rateLimitOff: choose(SETTING_BITS.rateLimit).rateLimitOff,
    requiredFeatures: joinFeatures(settings.requiredFeatures, lower.requiredFeatures),
    auth: choose(SETTING_BITS.auth).auth,
    allowsPreflight: choose(SETTING_BITS.corsPreflight).allowsPreflight,
    cost: choose(SETTING_BITS.cost).cost,
    configurationFault: chooseFault(settings.configurationFault, lower.configurationFault),
    pathFault: settings.pathFault ?? lower.pathFault,
    written: settings.written | lower.written,
  };
}

/** Keeps the first fault, but one that denies the request wins over one that does not. */
export function chooseFault(
  earlier: RouteSettings['configurationFault'],
  later: RouteSettings['configurationFault'],
): RouteSettings['configurationFault'] {
  if (earlier === undefined) return later;
  return earlier.isDenied || later?.isDenied !== true ? earlier : later;
}

/**
 * Adds the settings of the request's route in the table, or the fault of its path. `isPreflight`: the request is a CORS
 * preflight, for which the table may have no route.
 */
export function addTableSettings(
  settings: RouteSettings,
  table: RouteTable,
  { host, method, path }: RoutedRequest,
  isPreflight: boolean,
): RouteSettings {
  const route = table.find(host, method, path);
  if (route === AMBIGUOUS_PATH) return { ...settings, pathFault: 'ambiguous_path' };
  if (route !== undefined) return addSettings(settings, readRoute(route));
  const isAllowed = table.policy.unmatched === 'allow' || settings.route !== undefined;
  if (isAllowed || (isPreflight && settings.allowsPreflight)) return settings;
  return { ...settings, pathFault: 'unknown_route' };
}

/** By route. A reload of the table brings other ones. */
const settingsByRoute = new WeakMap<Route, RouteSettings>();

function readRoute(route: Route): RouteSettings {
  let settings = settingsByRoute.get(route);
  if (settings === undefined) {
    settings = toSettings(route);
    settingsByRoute.set(route, settings);
  }
  return settings;
}

function toSettings({ name, cost, auth, require, rateLimit }: Route): RouteSettings {
  const written =
    SETTING_BITS.route |
    (cost === undefined ? 0 : SETTING_BITS.cost) |
    (auth === undefined ? 0 : SETTING_BITS.auth) |
    (rateLimit === undefined ? 0 : SETTING_BITS.rateLimit);
  return {
    ...DEFAULT_ROUTE_SETTINGS,
    route: name,
    cost: cost ?? DEFAULT_ROUTE_SETTINGS.cost,
    auth: auth ?? DEFAULT_ROUTE_SETTINGS.auth,
    rateLimitOff: rateLimit === 'off',
    requiredFeatures: require,
    written,
  };
}

function joinFeatures(features: readonly string[], more: readonly string[]): readonly string[] {
  if (more.length === 0) return features;
  return features.length === 0 ? more : [...new Set([...features, ...more])];
}
