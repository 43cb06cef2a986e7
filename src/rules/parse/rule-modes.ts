import type { CountedLimit, Limit } from '../../domain/limits/limit.ts';
import { ADMIN_DOMAIN } from '../../domain/rules/reserved-domains.ts';
import type { Rule } from '../../domain/rules/rule.ts';
import { withFoundYaml } from '../yaml/found-yaml.ts';
import { isTrue, type LocatedMapping, readFlag } from '../yaml/read-fields.ts';
import type { FaultSink } from '../yaml/rules-fault.ts';
import { childLocation } from '../yaml/yaml-location.ts';
import { getField } from '../yaml/yaml-values.ts';
import type { FileDefaults } from './file-defaults.ts';
import { readLimit } from './read-limit.ts';
import { readMetadata } from './read-metadata.ts';
import type { RuleLimits } from './read-rule-limits.ts';

/** Effects of a rule other than rejecting requests. */
export type RuleModes = Pick<Rule, 'isShadow' | 'isQuota' | 'reportsOnly' | 'isIndependent' | 'candidate' | 'metadata'>;

/** A domain that Weir charges itself, and what it cannot honor there. */
interface OwnDomain {
  readonly flags: readonly string[];
  readonly fields: readonly string[];
  readonly algorithms: readonly { readonly name: Limit['algorithm']; readonly reason: string }[];
  /** Completes sentences such as "must be left out in the domain edge, which …". */
  readonly chargedBy: string;
  readonly withoutReceipt: string;
}

const CREDITS = { name: 'credits', reason: 'its counters would stay for ever' } as const;

const EDGE: OwnDomain = {
  flags: ['quota_mode', 'detailed_metric', 'value_to_metric'],
  fields: ['candidate', 'metadata'],
  algorithms: [CREDITS],
  chargedBy: 'which Check charges too',
  withoutReceipt: 'Check issues no receipt to settle with',
};
const ADMIN: OwnDomain = {
  flags: [...EDGE.flags, 'shadow_mode'],
  fields: EDGE.fields,
  algorithms: [CREDITS, { name: 'concurrency', reason: 'calls in progress are bounded without a rule' }],
  chargedBy: 'which the admin API charges',
  withoutReceipt: 'calls of the admin API have no receipt to settle with',
};

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
  defaults: FileDefaults,
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
  const candidate = readCandidate(descriptor, limits, defaults, faults);
  const metadata = readMetadata(descriptor, faults);
  return {
    ...formatModes(isShadow, isQuota, defaults),
    ...(candidate !== undefined && { candidate }),
    ...(metadata !== undefined && { metadata }),
  };
}

/** In envoyproxy/ratelimit, a rule in either mode is charged by itself and reports its state with every answer. */
function formatModes(isShadow: boolean, isQuota: boolean, { envoyproxy }: FileDefaults): RuleModes {
  if (envoyproxy === undefined) return { ...(isShadow && { isShadow }), ...(isQuota && { isQuota }) };
  if (isShadow) return { reportsOnly: true, isIndependent: true };
  return isQuota || envoyproxy.quotaMode ? { isQuota: true, isIndependent: true } : {};
}

/** Reports the fields of a descriptor that Weir cannot honor in the domains `edge` and `admin`, which it charges itself. */
export function rejectUnsupportedInDomain(
  descriptor: LocatedMapping,
  limits: readonly Limit[],
  domain: string,
  faults: FaultSink,
): void {
  const { flags, fields, algorithms, chargedBy, withoutReceipt } = domain === ADMIN_DOMAIN ? ADMIN : EDGE;
  const unsupported = [
    ...flags.filter((field) => isTrue(descriptor, field)),
    ...fields.filter((field) => Object.hasOwn(descriptor.mapping, field)),
  ];
  for (const field of unsupported) {
    reportField(descriptor, field, `must be left out in the domain ${domain}, ${chargedBy}`, faults);
  }
  const field = Object.hasOwn(descriptor.mapping, 'limits') ? 'limits' : 'rate_limit';
  for (const { name, reason } of algorithms) {
    if (!limits.some(({ algorithm }) => algorithm === name)) continue;
    reportField(descriptor, field, `must not have the algorithm ${name} in the domain ${domain}: ${reason}`, faults);
  }
  if (limits.some((limit) => 'settle' in limit)) {
    reportField(descriptor, field, `must not use settle in the domain ${domain}: ${withoutReceipt}`, faults);
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
  defaults: FileDefaults,
  faults: FaultSink,
): CountedLimit | undefined {
  const value = getField(descriptor.mapping, 'candidate');
  if (value === undefined) return undefined;
  const location = childLocation(descriptor.location, 'candidate');
  const { limit, replaces } = readLimit(value, location, { ...defaults, name: 'candidate' }, faults);
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
