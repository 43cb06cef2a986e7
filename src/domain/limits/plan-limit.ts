import type { FieldFault, Invalid } from '../validation/field-fault.ts';
import { quoteFound, withFound } from '../validation/found-value.ts';
import type { Algorithm, Limit } from './limit.ts';
import { isPlanLimitName, PLAN_LIMIT_NAME_FORM } from './limit-name.ts';
import { type LimitSpec, parseWindow, toLimitSpec, type UntrustedLimitSpec } from './limit-spec.ts';
import { parseMetadataKey } from './metadata-key.ts';
import { parseLimit } from './parse-limit.ts';

/** A limit of a plan or a key. It also says which requests it counts, and for whom. */
export type PlanLimit = Limit & {
  /** The limit counts only requests on these routes, all of them together; undefined: all requests. */
  readonly routes?: readonly string[];
  /** `account`: all keys of an account share the limit; undefined or `key`: each key has its own. */
  readonly per?: LimitOwner;
  /** The name under which Check publishes the limit in its dynamic metadata as well; undefined: only its own name. */
  readonly metadataKey?: string;
};

type LimitOwner = 'key' | 'account';

/** PlanLimit as stored in the database and sent to the admin API. */
export interface PlanLimitSpec extends LimitSpec {
  /** Empty: all requests. */
  readonly routes?: readonly string[];
  /** Empty: `key`. */
  readonly per?: string;
  /** Empty: none. */
  readonly metadataKey?: string;
}

export type UntrustedPlanLimitSpec = UntrustedLimitSpec & {
  readonly routes?: unknown;
  readonly per?: unknown;
  readonly metadataKey?: unknown;
};

const DAY_SECONDS = 86_400;
const OWNERS: readonly string[] = ['key', 'account'] satisfies LimitOwner[];
/** Envoy's configuration allows any route name. An invisible character would make two names look the same. */
const ROUTE = /^[\x21-\x7e]{1,255}$/;
const MAX_ROUTES = 64;
const UNLIMITED_COUNTS_NOTHING =
  'must be left out for the algorithm unlimited, which does not exempt a route from other limits';
/** Their numbers are not requests per unit of time, so Envoy cannot read them. */
const UNPUBLISHED_ALGORITHMS: readonly string[] = ['unlimited', 'credits', 'concurrency'] satisfies Algorithm[];

/**
 * Validates a limit. Returns the limit, or every fault with the field's name. Never throws. A limit with a `metadataKey`
 * may have 0 requests, which suspends those whom it counts; without one, 0 means that the field was left out.
 */
export function parsePlanLimit(spec: UntrustedPlanLimitSpec): PlanLimit | Invalid {
  const faults: FieldFault[] = [];
  const routes = parseRoutes(spec.routes, faults);
  const per = parseOwner(spec.per, faults);
  const metadataKey = parseMetadataKey(spec.metadataKey, faults);
  const limit = parseLimit(withDefaultAlgorithm(spec), metadataKey === undefined ? 1 : 0);
  const limitFaults = [...findNameFaults(spec.name), ...('faults' in limit ? limit.faults.filter(isNotOfName) : [])];
  if ('faults' in limit || limitFaults.length > 0) return { faults: [...limitFaults, ...faults] };
  if (limit.algorithm === 'unlimited') {
    if (routes !== undefined) faults.push({ field: 'routes', description: UNLIMITED_COUNTS_NOTHING });
    if (per !== undefined) faults.push({ field: 'per', description: UNLIMITED_COUNTS_NOTHING });
  }
  if (metadataKey !== undefined && UNPUBLISHED_ALGORITHMS.includes(limit.algorithm)) {
    const description = `must be left out for the algorithm ${limit.algorithm}, which has no requests per unit of time`;
    faults.push({ field: 'metadata_key', description });
  }
  if (faults.length > 0) return { faults };
  return { ...limit, ...presentFields({ routes, per, metadataKey }) };
}

export function toPlanLimitSpec(limit: PlanLimit): PlanLimitSpec {
  return { ...toLimitSpec(limit), ...presentFields(limit) };
}

/** The fields that only limits of plans and keys have, without those that are left out. */
function presentFields({
  routes,
  per,
  metadataKey,
}: {
  readonly routes?: readonly string[] | undefined;
  readonly per?: LimitOwner | undefined;
  readonly metadataKey?: string | undefined;
}) {
  return {
    ...(routes !== undefined && { routes }),
    ...(per !== undefined && { per }),
    ...(metadataKey !== undefined && { metadataKey }),
  };
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
      faults.push({ field, description: `must be unique: ${quoteFound(name)} is listed before` });
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
