import { parseKeyLimits } from '../limits/plan.ts';
import type { PlanLimit, UntrustedPlanLimitSpec } from '../limits/plan-limit.ts';
import type { SupersededLimitSpec } from '../limits/superseded-limit.ts';
import type { Invalid } from '../validation/field-fault.ts';
import { type Network, parseNetworks } from './allowed-networks.ts';
import { parseFeatures } from './features.ts';

/** Limits, networks and features of one API key, in addition to its plan. */
export interface ApiKeyPolicy {
  /** Decided together with the plan's limits, and counted separately. */
  readonly limits: readonly PlanLimit[];
  /** Networks from which the key may be used; empty: from anywhere. */
  readonly allowedNetworks: readonly Network[];
  /** Features in addition to the plan's. */
  readonly features: readonly string[];
  /** The key's own limits from before recent edits. Left out: there are none. */
  readonly supersededLimits?: readonly SupersededLimitSpec[];
  /** Limits of the plans that the key itself had before. Left out: there are none. */
  readonly supersededPlanLimits?: readonly SupersededLimitSpec[];
}

/** ApiKeyPolicy as stored in the database and sent to the admin API. */
export interface ApiKeyPolicySpec {
  readonly limits: readonly UntrustedPlanLimitSpec[];
  readonly allowedNetworks: readonly unknown[];
  readonly features: readonly unknown[];
  readonly supersededLimits?: readonly SupersededLimitSpec[];
  readonly supersededPlanLimits?: readonly SupersededLimitSpec[];
}

/** The empty policy. Nearly all keys share this object. */
export const NO_POLICY: ApiKeyPolicy = { limits: [], allowedNetworks: [], features: [] };

/** Validates a policy. Returns the policy, or every fault with its path (`limits[1].window`). Never throws. */
export function parseApiKeyPolicy(spec: ApiKeyPolicySpec): ApiKeyPolicy | Invalid {
  const limits = parseKeyLimits(spec.limits);
  const allowedNetworks = parseNetworks(spec.allowedNetworks);
  const features = parseFeatures(spec.features);
  if ('faults' in limits || 'faults' in allowedNetworks || 'faults' in features) {
    return { faults: [limits, allowedNetworks, features].flatMap((part) => ('faults' in part ? part.faults : [])) };
  }
  const { supersededLimits, supersededPlanLimits } = spec;
  return {
    ...{ limits, allowedNetworks, features },
    ...(supersededLimits && { supersededLimits }),
    ...(supersededPlanLimits && { supersededPlanLimits }),
  };
}
