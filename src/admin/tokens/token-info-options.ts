import type { CounterAccess } from '../../domain/counting/counter-admin.ts';
import type { ApiKeyPolicy } from '../../domain/credentials/api-key-policy.ts';
import type { Plan } from '../../domain/limits/plan.ts';
import type { CallLimit } from '../../interfaces/call-limit.ts';
import type { TokenVerificationOptions } from '../auth/verify-presented-token.ts';

/** Dependencies of TokenInfoService. All but `counters` and `calls` answer from memory. */
export interface TokenInfoOptions {
  readonly catalog: TokenCatalog & TokenVerificationOptions['catalog'];
  readonly verifier: TokenVerificationOptions['verifier'];
  readonly counters: CounterAccess;
  readonly calls: CallLimit;
}

/** What TokenInfoService reads from this node's copy of the catalog. */
export interface TokenCatalog {
  /** Whether the copy is so old that revocations may be missing. */
  readonly isTooStale: boolean;
  keyBySecret(secret: string): TokenInfoKey | undefined;
  account(id: string): { readonly id: string; readonly planId: string } | undefined;
  plan(id: string): Plan | undefined;
}

/** What TokenInfoService reads of an API key. */
export interface TokenInfoKey {
  readonly id: string;
  readonly accountId: string;
  readonly planId: string;
  readonly policy: Pick<ApiKeyPolicy, 'limits' | 'features'>;
  readonly disabled: boolean;
  /** Unix time in ms; undefined: the key does not expire. */
  readonly expiresAt: number | undefined;
}
