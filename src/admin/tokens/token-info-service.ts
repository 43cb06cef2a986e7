import { noteOutcome } from '../../database/audit/current-call.ts';
import type { Database } from '../../database/open-database.ts';
import { invalidArgument } from '../../domain/api-error.ts';
import type { DescribedKey } from '../../domain/credentials/described-key.ts';
import { looksLikeToken } from '../../domain/tokens/compact-token.ts';
import {
  type GetTokenInfoResponse,
  GetTokenInfoResponse_State as State,
  type TokenInfoServiceService,
} from '../../generated/weir/admin/v1/token_info_service.ts';
import type { Handlers } from '../methods/unary-service.ts';
import { apiKeyNotFound, describeApiKey, disableApiKey } from './api-key-info.ts';
import { findKey } from './find-key.ts';
import { describeJwt, disableJwt } from './jwt-info.ts';
import { findRejection, requireAdmission } from './require-admission.ts';
import type { CredentialCatalog, TokenInfoOptions } from './token-info-options.ts';

/** The name of a state in the log, such as `valid`. */
function nameState(state: State): string {
  const [name = ''] = Object.entries(State).find(([, value]) => value === state) ?? [];
  return name.toLowerCase();
}

export function createTokenInfoService(
  options: TokenInfoOptions & { readonly database: Database },
): Handlers<TokenInfoServiceService> {
  const { credentials, calls, database } = options;
  return {
    async getTokenInfo({ secret }, { peer }) {
      await requireAdmission(calls, 'token_info', peer);
      const key = await findPresentedKey(secret, credentials);
      const info = await (key === undefined ? describeJwt(secret, peer, options) : describeApiKey(key, options));
      noteOutcome(nameCredential(info), nameState(info.state));
      return info;
    },

    async disableToken({ secret }, { peer }) {
      const key = await findPresentedKey(secret, credentials);
      // The holder of a secret that works can end it, even while others use up the limit of calls.
      if (key?.disabled === false) await disableApiKey(database, key);
      else await disableOther(secret, peer, key, { ...options, database });
      return {};
    },
  };
}

/** The resource name of a described credential; empty for an unknown one. */
function nameCredential({ apiKey, tokenId }: GetTokenInfoResponse): string {
  return tokenId === '' ? apiKey : `tokens/${tokenId}`;
}

/** Disables a token, or a key that is disabled already. All other secrets are unknown, so the calls are limited. */
async function disableOther(
  secret: string,
  peer: string,
  key: DescribedKey | undefined,
  options: TokenInfoOptions & { readonly database: Database },
): Promise<void> {
  const rejection = findRejection(await options.calls.admit('disable_token', peer));
  if (key === undefined && looksLikeToken(secret, options.verifier.maxTokenBytes)) {
    await disableJwt(secret, peer, options, rejection);
    return;
  }
  if (rejection !== undefined) throw rejection;
  if (key === undefined) throw apiKeyNotFound();
  await disableApiKey(options.database, key);
}

/** Finds a key by its secret. Throws `invalid` if there is none to look for. */
async function findPresentedKey(secret: string, credentials: CredentialCatalog): Promise<DescribedKey | undefined> {
  if (secret === '') throw invalidArgument({ field: 'secret', description: 'must be set' });
  return findKey(secret, credentials);
}
