import type { CounterAccess, CounterSelector } from '../../domain/counting/counter-admin.ts';
import type { ApiKeyPolicy } from '../../domain/credentials/api-key-policy.ts';
import type { Plan } from '../../domain/limits/plan.ts';
import type { LimitRemaining } from '../../generated/weir/admin/v1/token_info_service.ts';
import type { CallLimit } from '../../interfaces/call-limit.ts';
import type { TokenVerification } from '../auth/verify-presented-token.ts';

/** What is asked of the replicated catalog. */
export interface TokenCatalog {
  /** What it tells may have been revoked since. */
  readonly isTooStale: boolean;
  keyOfSecret(secret: string): TokenKey | undefined;
  account(id: string): { readonly id: string; readonly planId: string } | undefined;
  plan(id: string): Plan | undefined;
}

export interface TokenKey {
  readonly id: string;
  readonly accountId: string;
  readonly planId: string;
  readonly conditions: Pick<ApiKeyPolicy, 'limits' | 'features'>;
  readonly disabled: boolean;
  /** Unix time in ms. */
  readonly expiresAt: number | undefined;
}

export interface TokenInfoOptions {
  readonly catalog: TokenCatalog & TokenVerification['catalog'];
  readonly verifier: TokenVerification['verifier'];
  readonly counters: CounterAccess;
  readonly calls: CallLimit;
}

/** None where the counters cannot tell: what else there is to tell is told. */
export async function readRemainingLimits(subject: CounterSelector, counters: CounterAccess): Promise<LimitRemaining[]> {
  const found = counters.find(subject) ?? [];
  const states = found.length === 0 ? [] : await counters.peek(found);
  return (states ?? []).map(({ remaining, resetAt, isBlocked }, place) => ({
    limit: found[place]?.label ?? '',
    remaining: isBlocked ? 0 : remaining,
    resetTime: resetAt === undefined ? undefined : new Date(resetAt),
  }));
}
