import { DEFAULT_ROUTE_POLICY, type Route, type RoutePolicy } from '../../domain/routes/route.ts';
import { RouteTable } from '../../domain/routes/route-table.ts';
import { fileFault } from '../load/domain-collector.ts';
import type { RulesFault } from '../yaml/rules-fault.ts';
import { describeConflict, type RouteFile } from './parse-routes.ts';

/** The routes of all files, as plain data. */
export interface RouteList {
  readonly routes: readonly Route[];
  readonly policy: RoutePolicy;
}

/** Merges the routes of several files. Returns the faults that the files have with each other, if there are any. */
export function mergeRouteFiles(files: readonly RouteFile[]): RouteList | { readonly faults: readonly RulesFault[] } {
  const faults: RulesFault[] = [];
  const ambiguousPaths = mergeSetting(files, 'ambiguousPaths', 'ambiguous_paths', faults);
  const unmatched = mergeSetting(files, 'unmatched', 'unmatched', faults);
  const table = new RouteTable();
  for (const { file, routes } of files) {
    for (const [index, route] of routes.entries()) {
      const other = table.add(route);
      if (other !== undefined) faults.push(fileFault(file, `routes[${index}]: ${describeConflict(other)}`));
    }
  }
  if (faults.length > 0) return { faults };
  return { routes: files.flatMap(({ routes }) => routes), policy: { ambiguousPaths, unmatched } };
}

/** The value of the files that have the setting. They must have the same. */
function mergeSetting<Name extends keyof RoutePolicy>(
  files: readonly RouteFile[],
  name: Name,
  field: string,
  faults: RulesFault[],
): RoutePolicy[Name] {
  const [first, ...others] = files.filter(({ policy }) => policy[name] !== undefined);
  for (const { file, policy } of others) {
    if (policy[name] === first?.policy[name]) continue;
    faults.push(fileFault(file, `${field}: must be the same in all files (${first?.file} has another value)`));
  }
  return first?.policy[name] ?? DEFAULT_ROUTE_POLICY[name];
}

/** Builds the table of routes that are known to have no faults. */
export function buildRouteTable({ routes, policy }: RouteList): RouteTable {
  const table = new RouteTable(policy);
  for (const route of routes) table.add(route);
  return table;
}
