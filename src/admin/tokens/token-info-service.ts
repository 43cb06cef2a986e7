import type { Database } from '../../database/open-database.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import { isApiKey } from '../../domain/credentials/api-key.ts';
import { looksLikeToken } from '../../domain/tokens/compact-token.ts';
import type { TokenInfoServiceService } from '../../generated/weir/admin/v1/token_info_service.ts';
import type { CallLimit } from '../../interfaces/call-limit.ts';
import type { Handlers } from '../shared/unary-service.ts';
import { apiKeyNotFound, describeApiKey, disableApiKey } from './api-key-info.ts';
import { describeJwt, disableJwt } from './jwt-info.ts';
import type { TokenCatalog, TokenInfoKey, TokenInfoOptions } from './token-info-options.ts';

/** The method that needs no database. */
export function createReadOnlyTokenInfoService(
  options: TokenInfoOptions,
): Pick<Handlers<TokenInfoServiceService>, 'getTokenInfo'> {
  const { catalog, calls } = options;
  return {
    async getTokenInfo({ secret }, { peer }) {
      await requireAdmission(calls, 'token_info', peer);
      const key = findKey(secret, catalog);
      return key === undefined ? describeJwt(secret, peer, options) : describeApiKey(key, options);
    },
  };
}

export function createTokenInfoService(
  options: TokenInfoOptions & { readonly database: Database },
): Handlers<TokenInfoServiceService> {
  const { catalog, calls, database } = options;
  return {
    ...createReadOnlyTokenInfoService(options),

    async disableToken({ secret }, { peer }) {
      await requireAdmission(calls, 'disable_token', peer);
      const key = findKey(secret, catalog);
      if (key !== undefined) await disableApiKey(database, key.id);
      else if (looksLikeToken(secret, options.verifier.maxTokenBytes)) await disableJwt(secret, peer, options);
      else throw apiKeyNotFound();
      return {};
    },
  };
}

/**
 * Limits the calls, which need no sign-in. Must run before any check of the secret, so that a rejected call reveals
 * nothing about it.
 */
async function requireAdmission(calls: CallLimit, method: string, peer: string): Promise<void> {
  const admission = await calls.admit(method, peer);
  if (admission.kind === 'admitted') return;
  if (admission.kind === 'unknown') throw new ApiError({ kind: 'counters_unavailable' });
  throw new ApiError({ kind: 'too_many_calls', retryAfterSeconds: admission.retryAfterSeconds });
}

/** Finds a key in memory, so that guessing costs no query. Undefined: no key has this secret; it may be a JWT. */
function findKey(secret: string, catalog: TokenCatalog): TokenInfoKey | undefined {
  if (secret === '') throw invalidArgument({ field: 'secret', description: 'must be set' });
  if (catalog.isTooStale) throw new ApiError({ kind: 'unavailable' });
  return isApiKey(secret) ? catalog.keyBySecret(secret) : undefined;
}
