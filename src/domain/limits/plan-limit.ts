import type { FieldFault, Invalid } from '../field-fault.ts';
import { withFound } from '../found-value.ts';
import type { Limit } from './limit.ts';
import { isPlanLimitName, PLAN_LIMIT_NAME_FORM } from './limit-name.ts';
import { type LimitSpec, parseWindow, toLimitSpec, type UntrustedLimitSpec } from './limit-spec.ts';
import { parseLimit } from './parse-limit.ts';

/** A limit of a plan or a key. It also says which requests it counts, and for whom. */
export type PlanLimit = Limit & {
  /** The limit counts only requests on these routes, all of them together; undefined: all requests. */
  readonly routes?: readonly string[];
  /** `account`: all keys of an account share the limit; undefined or `key`: each key has its own. */
  readonly per?: LimitOwner;
};

type LimitOwner = 'key' | 'account';

/** PlanLimit as stored in the database and sent to the admin API. */
export interface PlanLimitSpec extends LimitSpec {
  /** Empty: all requests. */
  readonly routes?: readonly string[];
  /** Empty: `key`. */
  readonly per?: string;
}

export type UntrustedPlanLimitSpec = UntrustedLimitSpec & { readonly routes?: unknown; readonly per?: unknown };

const DAY_SECONDS = 86_400;
const OWNERS: readonly string[] = ['key', 'account'] satisfies LimitOwner[];
/** Envoy's configuration allows any route name. An invisible character would make two names look the same. */
const ROUTE = /^[\x21-\x7e]{1,255}$/;
const MAX_ROUTES = 64;
const UNLIMITED_COUNTS_NOTHING =
  'must be left out for the algorithm unlimited, which does not exempt a route from other limits';

/** Validates a limit. Returns the limit, or every fault with the field's name. Never throws. */
export function parsePlanLimit(spec: UntrustedPlanLimitSpec): PlanLimit | Invalid {
  const faults: FieldFault[] = [];
  const routes = parseRoutes(spec.routes, faults);
  const per = parseOwner(spec.per, faults);
  const limit = parseLimit(withDefaultAlgorithm(spec));
  const limitFaults = [...findNameFaults(spec.name), ...('faults' in limit ? limit.faults.filter(isNotOfName) : [])];
  if ('faults' in limit || limitFaults.length > 0) return { faults: [...limitFaults, ...faults] };
  if (limit.algorithm === 'unlimited') {
    if (routes !== undefined) faults.push({ field: 'routes', description: UNLIMITED_COUNTS_NOTHING });
    if (per !== undefined) faults.push({ field: 'per', description: UNLIMITED_COUNTS_NOTHING });
  }
  if (faults.length > 0) return { faults };
  return { ...limit, ...(routes !== undefined && { routes }), ...(per !== undefined && { per }) };
}

export function toPlanLimitSpec(limit: PlanLimit): PlanLimitSpec {
  const { routes, per } = limit;
  return { ...toLimitSpec(limit), ...(routes !== undefined && { routes }), ...(per !== undefined && { per }) };
}

/**
 * Makes a limit of a day or longer a calendar limit if it names no algorithm. Customers count their days from midnight,
 * and counters of that length can outlive a Redis instance.
 */
function withDefaultAlgorithm(spec: UntrustedLimitSpec): UntrustedLimitSpec {
  if (spec.algorithm !== undefined && spec.algorithm !== '') return spec;
  const seconds = parseWindow(spec.window)?.seconds ?? 0;
  return seconds < DAY_SECONDS ? spec : { ...spec, algorithm: 'calendar' };
}

/** The names of plans' limits are narrower than those of rules files, which `parseLimit` accepts. */
function findNameFaults(name: unknown): readonly FieldFault[] {
  return isPlanLimitName(name) ? [] : [{ field: 'name', description: withFound(PLAN_LIMIT_NAME_FORM, name) }];
}

function isNotOfName({ field }: FieldFault): boolean {
  return field !== 'name';
}

function parseRoutes(value: unknown, faults: FieldFault[]): readonly string[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length > MAX_ROUTES) {
    const found = Array.isArray(value) ? value.length : value;
    faults.push({ field: 'routes', description: withFound(`must be a list of at most ${MAX_ROUTES} names`, found) });
    return undefined;
  }
  const routes: string[] = [];
  for (const [index, name] of (value as readonly unknown[]).entries()) {
    // Array.isArray says any[]
    const field = `routes[${index}]`;
    if (typeof name !== 'string' || !ROUTE.test(name)) {
      const expected = 'must be 1 to 255 visible ASCII characters, as in the route’s weir.route';
      faults.push({ field, description: withFound(expected, name) });
    } else if (routes.includes(name)) {
      faults.push({ field, description: `must be unique: "${name}" is listed before` });
    } else {
      routes.push(name);
    }
  }
  return routes.length === 0 ? undefined : routes;
}

function parseOwner(value: unknown, faults: FieldFault[]): LimitOwner | undefined {
  if (value === undefined || value === '') return undefined;
  if (isOwner(value)) return value;
  faults.push({ field: 'per', description: withFound(`must be one of ${OWNERS.join(', ')}`, value) });
  return undefined;
}

function isOwner(value: unknown): value is LimitOwner {
  return typeof value === 'string' && OWNERS.includes(value);
}
