import type { CountedLimit } from '../../domain/limits/limit.ts';
import type { Rule } from '../../domain/rules/rule.ts';
import { childLocation, optionalFlag, type YamlNode } from '../yaml/read-fields.ts';
import type { FaultSink } from '../yaml/rules-fault.ts';
import { fieldOf } from '../yaml/yaml-values.ts';
import { type RuleLimits, readLimit } from './rule-limits.ts';
import { readMetadata } from './rule-metadata.ts';

/** What a rule does with its limits but for refusing. */
export type RuleModes = Pick<Rule, 'isShadow' | 'isQuota' | 'candidate' | 'metadata'>;

/** Fields that Check, which charges the rules of the domain `edge` as well, could not honour. */
const NOT_AT_EDGE = ['quota_mode', 'candidate', 'metadata', 'detailed_metric', 'value_to_metric'];

/**
 * `shadow_mode`, `quota_mode`, `metadata`, as in envoyproxy/ratelimit, and `candidate: {…}`, a limit that is judged beside
 * the rule's own and only told. Without a name it has the name `candidate`.
 */
export function readModes(
  item: YamlNode,
  { limits }: RuleLimits,
  defaultAlgorithm: string,
  faults: FaultSink,
): RuleModes {
  const isShadow = optionalFlag(item, 'shadow_mode', SILENT);
  const isQuota = optionalFlag(item, 'quota_mode', SILENT);
  if (isShadow && isQuota)
    faultAt(item, 'quota_mode', 'must not stand beside shadow_mode, which refuses nothing', faults);
  if (isShadow || isQuota) faultReceipts(item, isShadow ? 'shadow_mode' : 'quota_mode', limits, faults);
  const candidate = readCandidate(item, limits, defaultAlgorithm, faults);
  const metadata = readMetadata(item, faults);
  return {
    ...(isShadow && { isShadow }),
    ...(isQuota && { isQuota }),
    ...(candidate !== undefined && { candidate }),
    ...(metadata !== undefined && { metadata }),
  };
}

/** Faults modes that are neither true nor false, which are told before the faults of the limits. */
export function faultFlags(item: YamlNode, faults: FaultSink): void {
  for (const field of ['shadow_mode', 'quota_mode']) optionalFlag(item, field, faults);
}

/** Faults what of a descriptor in the domain `edge` Check could not honour. */
export function faultAtEdge(item: YamlNode, limits: RuleLimits['limits'], faults: FaultSink): void {
  const description = 'is not supported in the domain edge, which Check charges as well';
  for (const field of NOT_AT_EDGE) {
    const written = fieldOf(item.map, field);
    const isOff = field !== 'candidate' && field !== 'metadata' && !optionalFlag(item, field, SILENT);
    if (written !== undefined && !isOff) faultAt(item, field, description, faults);
  }
  if (limits.some((limit) => 'settle' in limit)) {
    faults.at(limitsPlace(item), 'settle: must be left out in the domain edge: Check has no receipt to settle with');
  }
}

const SILENT: FaultSink = { count: 0, at: () => undefined, atKey: () => undefined, rename: () => undefined };

/** What is decided beside the request's own limits is in no receipt. */
function faultReceipts(item: YamlNode, mode: string, limits: RuleLimits['limits'], faults: FaultSink): void {
  if (limits.some(({ algorithm }) => algorithm === 'concurrency')) {
    faultAt(item, mode, 'must not stand beside concurrency: no receipt is told that would give its slots back', faults);
  }
  if (limits.some((limit) => 'settle' in limit)) {
    faultAt(item, mode, 'must not stand beside settle: no receipt is told to settle with', faults);
  }
}

function readCandidate(
  item: YamlNode,
  limits: RuleLimits['limits'],
  defaultAlgorithm: string,
  faults: FaultSink,
): CountedLimit | undefined {
  const written = fieldOf(item.map, 'candidate');
  if (written === undefined) return undefined;
  const location = childLocation(item.location, 'candidate');
  const limit = readLimit(written, location, { label: 'candidate', name: 'candidate', defaultAlgorithm }, faults);
  if (limit === undefined) return undefined;
  if (limits.length === 0)
    faults.at(location, 'candidate: must stand beside rate_limit or limits, which may be unlimited');
  if (limit.algorithm === 'unlimited' || limit.algorithm === 'concurrency') {
    faults.at(location, `candidate: must not be ${limit.algorithm}`);
    return undefined;
  }
  if (limit.settle === true)
    faults.at(childLocation(location, 'settle'), 'candidate.settle: must be left out; it is in no receipt');
  if (limits.some((other) => 'identity' in other && other.identity === limit.identity)) {
    faults.at(childLocation(location, 'name'), `candidate.name: must not be that of a limit; "${limit.name}" is taken`);
  }
  return limit;
}

function faultAt({ location }: YamlNode, field: string, description: string, faults: FaultSink): void {
  faults.at(childLocation(location, field), `${field}: ${description}`);
}

function limitsPlace({ map, location }: YamlNode) {
  return childLocation(location, Object.hasOwn(map, 'limits') ? 'limits' : 'rate_limit');
}
