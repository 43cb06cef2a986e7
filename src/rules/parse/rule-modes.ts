import type { CountedLimit, Limit } from '../../domain/limits/limit.ts';
import type { Rule } from '../../domain/rules/rule.ts';
import { withFoundYaml } from '../yaml/found-yaml.ts';
import { isTrue, type LocatedMapping, readFlag } from '../yaml/read-fields.ts';
import type { FaultSink } from '../yaml/rules-fault.ts';
import { childLocation } from '../yaml/yaml-location.ts';
import { getField } from '../yaml/yaml-values.ts';
import { readLimit } from './read-limit.ts';
import { readMetadata } from './read-metadata.ts';
import type { RuleLimits } from './read-rule-limits.ts';

/** Effects of a rule other than rejecting requests. */
export type RuleModes = Pick<Rule, 'isShadow' | 'isQuota' | 'candidate' | 'metadata'>;

/** Fields that Check cannot honor. It charges the rules of the domain `edge` as well. */
const UNSUPPORTED_FLAGS_AT_EDGE = ['quota_mode', 'detailed_metric', 'value_to_metric'];
const UNSUPPORTED_FIELDS_AT_EDGE = ['candidate', 'metadata'];

/**
 * Reports mode flags that are not booleans. A step of its own, so that their faults come before those of the limits.
 */
export function checkModeFlags(descriptor: LocatedMapping, faults: FaultSink): void {
  readFlag(descriptor, 'shadow_mode', faults);
  readFlag(descriptor, 'quota_mode', faults);
}

/**
 * Reads `shadow_mode`, `quota_mode` and `metadata`, as in envoyproxy/ratelimit, and `candidate: {…}`, a limit that is
 * evaluated alongside the rule's own; reported, never enforced. `checkModeFlags` has checked the flags.
 */
export function readModes(
  descriptor: LocatedMapping,
  { limits }: RuleLimits,
  defaultAlgorithm: string,
  faults: FaultSink,
): RuleModes {
  const isShadow = isTrue(descriptor, 'shadow_mode');
  const isQuota = isTrue(descriptor, 'quota_mode');
  if (isShadow && isQuota) {
    reportField(descriptor, 'quota_mode', 'must not be combined with shadow_mode, which rejects nothing', faults);
  }
  if (isShadow || isQuota) {
    rejectReceiptLimits(descriptor, isShadow ? 'shadow_mode' : 'quota_mode', limits, faults);
  }
  const candidate = readCandidate(descriptor, limits, defaultAlgorithm, faults);
  const metadata = readMetadata(descriptor, faults);
  return {
    ...(isShadow && { isShadow }),
    ...(isQuota && { isQuota }),
    ...(candidate !== undefined && { candidate }),
    ...(metadata !== undefined && { metadata }),
  };
}

/** Reports the fields of a descriptor in the domain `edge` that Check cannot honor. */
export function rejectUnsupportedAtEdge(descriptor: LocatedMapping, limits: readonly Limit[], faults: FaultSink): void {
  const unsupported = [
    ...UNSUPPORTED_FLAGS_AT_EDGE.filter((field) => isTrue(descriptor, field)),
    ...UNSUPPORTED_FIELDS_AT_EDGE.filter((field) => Object.hasOwn(descriptor.mapping, field)),
  ];
  for (const field of unsupported) {
    reportField(descriptor, field, 'must be left out in the domain edge, which Check charges too', faults);
  }
  if (limits.some((limit) => 'settle' in limit)) {
    const field = Object.hasOwn(descriptor.mapping, 'limits') ? 'limits' : 'rate_limit';
    const description = 'must not use settle in the domain edge: Check issues no receipt to settle with';
    reportField(descriptor, field, description, faults);
  }
}

/** Reports limits that need a receipt. Charges made in shadow or quota mode are on no receipt. */
function rejectReceiptLimits(
  descriptor: LocatedMapping,
  mode: string,
  limits: readonly Limit[],
  faults: FaultSink,
): void {
  if (limits.some(({ algorithm }) => algorithm === 'concurrency')) {
    const description = 'must not be combined with the algorithm concurrency: no receipt would release the slots';
    reportField(descriptor, mode, description, faults);
  }
  if (limits.some((limit) => 'settle' in limit)) {
    reportField(descriptor, mode, 'must not be combined with settle: there is no receipt to settle with', faults);
  }
}

function readCandidate(
  descriptor: LocatedMapping,
  limits: readonly Limit[],
  defaultAlgorithm: string,
  faults: FaultSink,
): CountedLimit | undefined {
  const value = getField(descriptor.mapping, 'candidate');
  if (value === undefined) return undefined;
  const location = childLocation(descriptor.location, 'candidate');
  const { limit, replaces } = readLimit(value, location, { algorithm: defaultAlgorithm, name: 'candidate' }, faults);
  if (replaces.length > 0) faults.report(childLocation(location, 'replaces'), 'must be left out');
  if (limit === undefined) return undefined;
  if (limits.length === 0) {
    faults.report(location, 'must be combined with rate_limit or limits, which may be unlimited');
  }
  if (limit.algorithm === 'unlimited' || limit.algorithm === 'concurrency') {
    faults.report(location, `must not have the algorithm ${limit.algorithm}`);
    return undefined;
  }
  if (limit.settle === true) {
    faults.report(childLocation(location, 'settle'), 'must be left out: a candidate is on no receipt');
  }
  if (limits.some((other) => 'identity' in other && other.identity === limit.identity)) {
    const expected = 'must not be the name of a limit with the same algorithm and window';
    faults.report(childLocation(location, 'name'), withFoundYaml(expected, limit.name));
  }
  return limit;
}

function reportField({ location }: LocatedMapping, field: string, description: string, faults: FaultSink): void {
  faults.report(childLocation(location, field), description);
}
