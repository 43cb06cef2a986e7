import { describeLimit } from '../../format/describe-limit.ts';
import { describeLimitOptions } from '../../format/describe-limit-options.ts';
import type { LimitJson } from '../../generated/weir/admin/v1/limit_pb.js';
import type { PlanJson } from '../../generated/weir/admin/v1/plan_service_pb.js';

/** Describes what an edit changes, a line per limit, feature or field. Empty: nothing that counts. */
export function describePlanEdit(before: PlanJson, after: PlanJson): string[] {
  return [
    ...describeChange('Name', before.displayName || 'none', after.displayName || 'none'),
    ...describeLimitChanges(before.limits ?? [], after.limits ?? []),
    ...describeFeatureChanges(before.features ?? [], after.features ?? []),
    ...describeChange('API keys of an account', before.maxApiKeys || 'any number', after.maxApiKeys || 'any number'),
    ...describeChange('Devices of an account', before.maxDevices || 'any number', after.maxDevices || 'any number'),
  ];
}

function describeChange(name: string, before: number | string, after: number | string): string[] {
  return before === after ? [] : [`${name}: ${before} → ${after}`];
}

/** Limits are identified by their names, as their counters are. */
function describeLimitChanges(before: readonly LimitJson[], after: readonly LimitJson[]): string[] {
  const former = new Map(before.map((limit) => [limit.name, describe(limit)]));
  const names = new Set(after.map(({ name }) => name));
  return [
    ...after.flatMap((limit) => {
      const text = former.get(limit.name);
      if (text === undefined) return [`New limit ${limit.name}: ${describe(limit)}`];
      return describeChange(`Limit ${limit.name}`, text, describe(limit));
    }),
    ...before.filter(({ name }) => !names.has(name)).map((limit) => `Without limit ${limit.name}: ${describe(limit)}`),
  ];
}

function describeFeatureChanges(before: readonly string[], after: readonly string[]): string[] {
  return [
    ...after.filter((feature) => !before.includes(feature)).map((feature) => `New feature: ${feature}`),
    ...before.filter((feature) => !after.includes(feature)).map((feature) => `Without feature: ${feature}`),
  ];
}

function describe(limit: LimitJson): string {
  return [describeLimit(limit), ...describeLimitOptions(limit)].join(', ');
}
