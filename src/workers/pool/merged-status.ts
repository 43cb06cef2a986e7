import { assessPart, type Health, type PartHealth } from '../../telemetry/node-health.ts';
import type { DecisionStatus } from '../decision-port.ts';

const SEVERITY: Readonly<Record<Health, number>> = { healthy: 0, degraded: 1, unhealthy: 2 };

/**
 * Merges the states of the workers of a node. `statuses` are of those that answered, at least one, out of `count`. The
 * node decides while one of them does. Each part is as healthy as in the worker in which it is worst.
 */
export function mergeStatuses(statuses: readonly DecisionStatus[], count: number): DecisionStatus {
  const deciding = statuses.filter(({ reasons }) => reasons.length === 0).length;
  const [first] = statuses;
  const workers = assessPart('workers', deciding === count, `${deciding} of ${count} workers decide`);
  return {
    reasons: deciding > 0 || first === undefined ? [] : first.reasons,
    parts: [...worstParts(statuses.flatMap(({ parts }) => parts)), workers],
    catalog: mergeCatalogs(statuses.flatMap(({ catalog }) => catalog ?? [])),
    counters: mergeCounters(statuses.flatMap(({ counters }) => counters ?? [])),
    rules: findOldestRules(statuses.flatMap(({ rules }) => rules ?? [])),
  };
}

/** While the workers reload their rules, the node has the new ones once all of them do. */
function findOldestRules(rules: readonly NonNullable<DecisionStatus['rules']>[]): DecisionStatus['rules'] {
  return rules.toSorted((one, other) => (one.loadTime < other.loadTime ? -1 : 1))[0] ?? null;
}

function worstParts(parts: readonly PartHealth[]): Iterable<PartHealth> {
  const byName = new Map<string, PartHealth>();
  for (const part of parts) {
    const known = byName.get(part.name);
    if (known === undefined || SEVERITY[part.health] > SEVERITY[known.health]) byName.set(part.name, part);
  }
  return byName.values();
}

function mergeCatalogs(catalogs: readonly NonNullable<DecisionStatus['catalog']>[]): DecisionStatus['catalog'] {
  if (catalogs.length === 0) return null;
  return {
    ageSeconds: Math.max(...catalogs.map(({ ageSeconds }) => ageSeconds)),
    source: catalogs.some(({ source }) => source === 'snapshot') ? 'snapshot' : 'postgres',
    feedConnected: catalogs.every(({ feedConnected }) => feedConnected),
    reloading: catalogs.some(({ reloading }) => reloading),
  };
}

function mergeCounters(counters: readonly NonNullable<DecisionStatus['counters']>[]): DecisionStatus['counters'] {
  const [first] = counters;
  return first === undefined ? null : { ...first, reachable: counters.every(({ reachable }) => reachable) };
}
