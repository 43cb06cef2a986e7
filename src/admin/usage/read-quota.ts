import { findAccountDenial } from '../../domain/account-state.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { CounterSelector, CounterState } from '../../domain/counting/counter-admin.ts';
import { isAllowedFrom, readFormattedNetworks } from '../../domain/credentials/allowed-networks.ts';
import { keyStatus } from '../../domain/credentials/api-key.ts';
import type { DenialCode } from '../../domain/denial.ts';
import { advertisedQuota, ceilToSeconds } from '../../domain/limits/limit-status.ts';
import { toPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import { requiresCatalogAccount } from '../../domain/tokens/token.ts';
import { countUsed } from '../../domain/usage/count-used.ts';
import { verifyPresentedToken } from '../callers/verify-presented-token.ts';
import { findKey } from '../tokens/find-key.ts';
import { requireAdmission } from '../tokens/require-admission.ts';
import type { TokenInfoOptions } from '../tokens/token-info-options.ts';

/** The state of one limit, as `/v1/quota` writes it. */
export interface Quota {
  /** The label of the limit. */
  readonly limit: string;
  /** As in a plan, such as `60s` or `1mo`; null: the limit has none. */
  readonly window: string | null;
  readonly limit_value: number;
  readonly used: number;
  readonly remaining: number;
  /** Whole seconds until the whole limit is available again; null for credits. */
  readonly reset_seconds: number | null;
}

/** The quotas of a credential, or the code with which Check would deny it. */
export type QuotaReading = { readonly quotas: readonly Quota[] } | { readonly denial: DenialCode };

/**
 * Reads what is left of the limits of an API key or a token. Charges nothing. Counts the call as token info does. Throws an
 * ApiError if there were too many calls, or if nobody can say now.
 */
export async function readQuota(
  secret: string | undefined,
  peer: string,
  options: TokenInfoOptions,
): Promise<QuotaReading> {
  await requireAdmission(options.calls, 'quota', peer);
  if (secret === undefined || secret === '') return { denial: 'missing_credential' };
  const selected = await selectCounters(secret, peer, options);
  if ('denial' in selected) return selected;
  const reading = await options.counters.read({ selector: selected.selector, limit: '' });
  if (reading.kind === 'unavailable') throw new ApiError({ kind: 'counters_unavailable' });
  if (reading.kind === 'unknown_subject') return { denial: 'unknown_credential' };
  const now = Date.now();
  // Without limits there is nothing to select.
  return { quotas: reading.kind === 'read' ? reading.counters.map((counter) => toQuota(counter, now)) : [] };
}

type Selected = { readonly selector: CounterSelector } | { readonly denial: DenialCode };

async function selectCounters(secret: string, peer: string, options: TokenInfoOptions): Promise<Selected> {
  const { credentials } = options;
  const now = Date.now();
  const key = await findKey(secret, credentials);
  if (key !== undefined) {
    const status = keyStatus(key, now);
    if (status !== 'valid') return { denial: `${status}_credential` };
    const denial = findAccountDenial(key.accountState, now);
    if (denial !== undefined) return { denial: denial.code };
    const networks = readFormattedNetworks(key.allowedNetworks);
    return isAllowedFrom(networks, peer)
      ? { selector: { kind: 'api_key', id: key.id } }
      : { denial: 'forbidden_network' };
  }
  const presented = await verifyPresentedToken(secret, peer, options);
  if (presented.kind === 'unverified') {
    return { denial: presented.isExpired ? 'expired_credential' : 'unknown_credential' };
  }
  const { token, issuer, status } = presented;
  if (status === 'expired' || status === 'revoked') return { denial: `${status}_credential` };
  if (status === 'early') return { denial: 'unknown_credential' };
  const account = await credentials.findAccount(token.accountId);
  if (account === undefined && requiresCatalogAccount(token, issuer)) return { denial: 'unknown_credential' };
  const denial = account && findAccountDenial(account, now);
  return denial === undefined ? { selector: { kind: 'token', token } } : { denial: denial.code };
}

function toQuota({ label, limit, snapshot }: CounterState, now: number): Quota {
  const { requests } = advertisedQuota(limit);
  const { resetAt, remaining, isBlocked } = snapshot;
  const untilReset = resetAt === undefined ? 0 : ceilToSeconds(Math.max(0, resetAt - now) * 1000);
  return {
    limit: label,
    window: toPlanLimitSpec(limit).window ?? null,
    limit_value: requests,
    used: countUsed(limit, snapshot),
    remaining: isBlocked ? 0 : remaining,
    reset_seconds: limit.algorithm === 'credits' ? null : untilReset,
  };
}
