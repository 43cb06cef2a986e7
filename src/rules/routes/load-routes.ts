import { InvalidRules } from '../load/load-rules.ts';
import { findRulesFiles, readRulesFile } from '../load/read-rules-file.ts';
import { DEFAULT_FOLDER_OPTIONS } from '../load/rules-folder.ts';
import type { RulesFault } from '../yaml/rules-fault.ts';
import { mergeRouteFiles, type RouteList } from './merge-route-files.ts';
import type { RouteFile } from './parse-routes.ts';
import { parseRoutes } from './parse-routes.ts';

/**
 * Loads a file of routes, or all `*.yaml` and `*.yml` files directly in a folder. Throws InvalidRules with all faults.
 */
export async function loadRoutes(routesPath: string): Promise<RouteList> {
  const listed = await findRulesFiles(routesPath, DEFAULT_FOLDER_OPTIONS);
  if ('faults' in listed) throw new InvalidRules(listed.faults);
  const files: RouteFile[] = [];
  const faults: RulesFault[] = [];
  for (const file of listed.files) {
    const read = await readRulesFile(file);
    const parsed = 'text' in read ? parseRoutes(file, read.text) : read;
    if (!('faults' in parsed)) files.push(parsed);
    else for (const fault of parsed.faults) faults.push(fault); // a spread of 100,000 faults exhausts the call stack
  }
  if (faults.length > 0) throw new InvalidRules(faults);
  const merged = mergeRouteFiles(files);
  if ('faults' in merged) throw new InvalidRules(merged.faults);
  return merged;
}
