import type { AccountState } from '../account-state.ts';
import type { ApiKeyPolicy } from './api-key-policy.ts';

/** An API key, as far as its holder and administrators see it. */
export interface DescribedKey {
  readonly id: string;
  readonly accountId: string;
  readonly planId: string;
  readonly policy: Pick<ApiKeyPolicy, 'limits' | 'features'>;
  /** Those of the policy, as `formatNetworks` writes them. */
  readonly allowedNetworks: readonly string[];
  readonly disabled: boolean;
  readonly accountState: AccountState;
  /** Unix time in ms; undefined: the key does not expire. */
  readonly expiresAt: number | undefined;
}
