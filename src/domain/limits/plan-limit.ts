import type { Limit } from './limit.ts';
import { type Fault, type LimitSpec, parseWindow, toLimitSpec, type UntrustedLimitSpec } from './limit-spec.ts';
import { parseLimit } from './parse-limit.ts';

/** A limit of a plan or of a key, which also says which requests it counts, and for whom. */
export type PlanLimit = Limit & {
  /** It counts requests on these routes alone, together; undefined: all requests. */
  readonly routes?: readonly string[];
  /** `account`: all keys of an account share it; undefined or `key`: each key has it for itself. */
  readonly per?: LimitOwner;
};

type LimitOwner = 'key' | 'account';

/** The same as it is written in the admin API and in the database. */
export interface PlanLimitSpec extends LimitSpec {
  /** Empty: all requests. */
  readonly routes?: readonly string[];
  /** Empty: `key`. */
  readonly per?: string;
}

export type UntrustedPlanLimitSpec = UntrustedLimitSpec & { readonly routes?: unknown; readonly per?: unknown };

const DAY_SECONDS = 86_400;
const OWNERS: readonly string[] = ['key', 'account'] satisfies LimitOwner[];
/** Envoy's configuration names routes freely; what is not visible would be another name than the one that is seen. */
const ROUTE = /^[\x21-\x7e]{1,63}$/;
const MOST_ROUTES = 64;

/** A limit that cannot be wrong, or every fault of what was written, each with the field's name. Never throws. */
export function parsePlanLimit(written: UntrustedPlanLimitSpec): PlanLimit | { readonly faults: readonly Fault[] } {
  const faults: Fault[] = [];
  const routes = parseRoutes(written.routes, faults);
  const per = parsePer(written.per, faults);
  const limit = parseLimit(withDefault(written));
  if ('faults' in limit) return { faults: [...limit.faults, ...faults] };
  if (limit.algorithm === 'unlimited') {
    if (routes !== undefined) faults.push({ field: 'routes', description: COUNTS_NOTHING });
    if (per !== undefined) faults.push({ field: 'per', description: COUNTS_NOTHING });
  }
  if (faults.length > 0) return { faults };
  return { ...limit, ...(routes !== undefined && { routes }), ...(per !== undefined && { per }) };
}

const COUNTS_NOTHING = 'must be left out for the algorithm unlimited, which exempts no route from the other limits';

export function toPlanLimitSpec(limit: PlanLimit): PlanLimitSpec {
  const { routes, per } = limit;
  return { ...toLimitSpec(limit), ...(routes !== undefined && { routes }), ...(per !== undefined && { per }) };
}

/**
 * Where the algorithm is left out, a limit of a day or longer is a calendar one: customers count their days from
 * midnight, and such counters outlive Redis.
 */
function withDefault(written: UntrustedLimitSpec): UntrustedLimitSpec {
  if (written.algorithm !== undefined && written.algorithm !== '') return written;
  const seconds = parseWindow(written.window)?.seconds ?? 0;
  return seconds < DAY_SECONDS ? written : { ...written, algorithm: 'calendar' };
}

function parseRoutes(written: unknown, faults: Fault[]): readonly string[] | undefined {
  if (written === undefined) return undefined;
  if (!Array.isArray(written) || written.length > MOST_ROUTES) {
    faults.push({ field: 'routes', description: `must be a list of at most ${MOST_ROUTES} names` });
    return undefined;
  }
  const routes: string[] = [];
  for (const [index, name] of (written as readonly unknown[]).entries()) {
    const field = `routes[${index}]`;
    if (typeof name !== 'string' || !ROUTE.test(name)) {
      faults.push({ field, description: 'must be 1 to 63 visible ASCII characters, as in the route’s weir.route' });
    } else if (routes.includes(name)) {
      faults.push({ field, description: `must be unique; "${name}" is there already` });
    } else {
      routes.push(name);
    }
  }
  return routes.length === 0 ? undefined : routes;
}

function parsePer(written: unknown, faults: Fault[]): LimitOwner | undefined {
  if (written === undefined || written === '') return undefined;
  if (isOwner(written)) return written;
  faults.push({ field: 'per', description: `must be one of ${OWNERS.join(', ')}` });
  return undefined;
}

function isOwner(value: unknown): value is LimitOwner {
  return typeof value === 'string' && OWNERS.includes(value);
}
