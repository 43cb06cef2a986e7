import { isWellFormedApiKey } from '../core/api-key.ts';
import type { KeyConditions } from '../core/key-conditions.ts';
import { standingOf } from '../core/key-standing.ts';
import type { Plan } from '../core/plan.ts';
import { invalid } from '../core/problem.ts';
import { writeLimit } from '../core/written-limit.ts';
import {
  GetTokenInfoResponse,
  GetTokenInfoResponse_State as State,
  type TokenInfoServiceService,
} from '../generated/weir/admin/v1/token_info_service.ts';
import type { Handlers } from './handlers.ts';
import { limitMessages } from './limits-and-features.ts';

/** What is asked of the replicated catalog. */
export interface TokenCatalog {
  keyOfSecret(secret: string): TokenKey | undefined;
  plan(id: string): Plan | undefined;
}

interface TokenKey {
  readonly id: string;
  readonly accountId: string;
  readonly planId: string;
  readonly conditions: Pick<KeyConditions, 'limits' | 'features'>;
  readonly disabled: boolean;
  /** Unix time in ms. */
  readonly expiresAt: number | undefined;
}

export function tokenInfoService(catalog: TokenCatalog): Handlers<TokenInfoServiceService> {
  return {
    async getTokenInfo({ secret }) {
      if (secret === '') throw invalid({ field: 'secret', description: 'must be given' });
      const key = isWellFormedApiKey(secret) ? catalog.keyOfSecret(secret) : undefined;
      if (key === undefined) return GetTokenInfoResponse.create({ state: State.UNKNOWN });
      const plan = catalog.plan(key.planId);
      // No limits would read as unlimited.
      if (plan === undefined) throw new Error(`the catalog has key ${key.id} but not its plan ${key.planId}`);
      return {
        state: STATES[standingOf(key, Date.now())],
        apiKey: `apiKeys/${key.id}`,
        account: `accounts/${key.accountId}`,
        plan: `plans/${key.planId}`,
        limits: limitMessages([...plan.limits, ...key.conditions.limits].map(writeLimit)),
        features: [...new Set([...plan.features, ...key.conditions.features])],
        expireTime: key.expiresAt === undefined ? undefined : new Date(key.expiresAt),
      };
    },
  };
}

const STATES = { valid: State.VALID, disabled: State.DISABLED, expired: State.EXPIRED } as const;
