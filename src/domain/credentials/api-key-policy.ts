import type { Fault } from '../limits/limit-spec.ts';
import { parseKeyLimits } from '../limits/plan.ts';
import type { PlanLimit, UntrustedPlanLimitSpec } from '../limits/plan-limit.ts';
import { parseFeatures } from './features.ts';
import { type Network, parseNetworks } from './networks.ts';

/** What holds for an API key beside its plan. */
export interface ApiKeyPolicy {
  /** Decided together with the plan's, and counted apart from them. */
  readonly limits: readonly PlanLimit[];
  /** From where it may be used; none: from everywhere. */
  readonly allowedNetworks: readonly Network[];
  /** Beside the plan's. */
  readonly features: readonly string[];
}

/** The same as it is written in the admin API and in the database. */
export interface ApiKeyPolicySpec {
  readonly limits: readonly UntrustedPlanLimitSpec[];
  readonly allowedNetworks: readonly unknown[];
  readonly features: readonly unknown[];
}

/** What nearly all keys have, so that they share it. */
export const NO_POLICY: ApiKeyPolicy = { limits: [], allowedNetworks: [], features: [] };

/** Conditions that cannot be wrong, or every fault with its place (`limits[1].window`). Never throws. */
export function parseApiKeyPolicy(written: ApiKeyPolicySpec): ApiKeyPolicy | { readonly faults: readonly Fault[] } {
  const limits = parseKeyLimits(written.limits);
  const allowedNetworks = parseNetworks(written.allowedNetworks);
  const features = parseFeatures(written.features);
  if ('faults' in limits || 'faults' in allowedNetworks || 'faults' in features) {
    return { faults: [limits, allowedNetworks, features].flatMap((each) => ('faults' in each ? each.faults : [])) };
  }
  return { limits, allowedNetworks, features };
}
