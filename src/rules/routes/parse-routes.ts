import { DEFAULT_ROUTE_POLICY, type Route, type RoutePolicy } from '../../domain/routes/route.ts';
import { RouteTable } from '../../domain/routes/route-table.ts';
import { abbreviate, withFoundYaml } from '../yaml/found-yaml.ts';
import { type LocatedMapping, rejectUnknownFields } from '../yaml/read-fields.ts';
import { readYaml } from '../yaml/read-yaml.ts';
import type { FaultSink, RulesFault } from '../yaml/rules-fault.ts';
import { childLocation } from '../yaml/yaml-location.ts';
import { getField, isYamlMapping, isYamlSequence, type YamlMapping } from '../yaml/yaml-values.ts';
import { readChoice } from './read-choice.ts';
import { readRoute } from './read-route.ts';

/** The routes of one file. */
export interface RouteFile {
  readonly file: string;
  readonly routes: readonly Route[];
  /** The settings that the file has. */
  readonly policy: Partial<RoutePolicy>;
}

/** No service has more by hand; a generated table of this size still loads in a second. */
const MAX_ROUTES = 10_000;

/**
 * Parses one file of routes, which docs/routes.md describes. Returns its routes, or all faults. Never throws.
 */
export function parseRoutes(file: string, text: string): RouteFile | { readonly faults: readonly RulesFault[] } {
  const source = { file, text, expected: 'must be a mapping with routes' };
  const read = readYaml(source, (contents, faults) => readContents(file, contents, faults));
  return 'faults' in read ? read : read.result;
}

function readContents(file: string, contents: YamlMapping, faults: FaultSink): RouteFile {
  const top: LocatedMapping = { mapping: contents, location: undefined };
  rejectUnknownFields(top, ['routes', 'ambiguous_paths', 'unmatched'], faults);
  const ambiguousPaths = readChoice(top, 'ambiguous_paths', ['deny', 'opaque'], faults);
  const unmatched = readChoice(top, 'unmatched', ['allow', 'deny'], faults);
  const policy = { ...(ambiguousPaths && { ambiguousPaths }), ...(unmatched && { unmatched }) };
  return { file, routes: readRoutes(top, faults), policy };
}

function readRoutes(top: LocatedMapping, faults: FaultSink): readonly Route[] {
  const list = getField(top.mapping, 'routes');
  const location = childLocation(top.location, 'routes');
  if (!isYamlSequence(list)) {
    faults.report(location, withFoundYaml('must be a list', list));
    return [];
  }
  if (list.length > MAX_ROUTES) faults.report(location, `must have at most ${MAX_ROUTES} items (got ${list.length})`);
  const table = new RouteTable(DEFAULT_ROUTE_POLICY);
  const routes: Route[] = [];
  for (const [index, item] of list.entries()) {
    const itemLocation = childLocation(location, index);
    if (!isYamlMapping(item)) {
      faults.report(itemLocation, withFoundYaml('must be a mapping with a name and a path', item));
      continue;
    }
    const route = readRoute({ mapping: item, location: itemLocation }, faults);
    if (route === undefined) continue;
    const other = table.add(route);
    if (other !== undefined) faults.report(itemLocation, describeConflict(other));
    routes.push(route);
  }
  return routes;
}

/** Describes the fault of a route that another one already covers. */
export function describeConflict(other: Route): string {
  return `must differ in host, path or method from the routes before it ("${abbreviate(other.name)}" has them already)`;
}
