import { readBearerToken } from '../../admin/callers/caller.ts';
import { type CallContextOptions, readCallContext } from '../../admin/methods/call-context.ts';
import type { TokenInfoOptions } from '../../admin/tokens/token-info-options.ts';
import { readQuota } from '../../admin/usage/read-quota.ts';
import { SharedRoom } from '../../collections/shared-room.ts';
import { ApiError } from '../../domain/api-error.ts';
import { clientNetwork } from '../../domain/credentials/client-network.ts';
import { credentialFault } from '../../domain/credentials/credential-fault.ts';
import { DENIALS, type DenialCode } from '../../domain/denial.ts';
import type { QuotaAnswer, QuotaHandler } from '../../http/endpoints/quota-endpoint.ts';
import type { Logger } from '../../interfaces/logger.ts';

/**
 * Requests in progress, and those of one network: each asks the process that decides a few questions. So a flood leaves
 * room there for other questions, such as those of the emergency brake.
 */
const MAX_IN_PROGRESS = { total: 64, network: 16 };

/** HTTP joins repeated headers with it. No API key and no token contains one. */
const SEPARATOR = ',';

interface DenialDetails {
  readonly retryAfterSeconds?: number | undefined;
  /** undefined: that of the code. */
  readonly message?: string | undefined;
}

/** Creates the handler of `/v1/quota`. It answers denials as Check does. */
export function createQuotaHandler(
  options: TokenInfoOptions,
  contexts: CallContextOptions,
  log: Pick<Logger, 'error'>,
): QuotaHandler {
  const room = new SharedRoom(MAX_IN_PROGRESS.total, MAX_IN_PROGRESS.network);
  return async (question) => {
    const { peer, requestId, authorization } = readCallContext(question, contexts);
    const deny = (code: DenialCode, { retryAfterSeconds, message }: DenialDetails = {}): QuotaAnswer => {
      const error = { code, message: message ?? DENIALS[code].message, request_id: requestId };
      return { status: DENIALS[code].status, body: JSON.stringify({ error }), retryAfterSeconds };
    };
    const network = clientNetwork(peer);
    if (!room.enter(network)) return deny('rate_limited', { retryAfterSeconds: 1 });
    try {
      const apiKey = question.readHeader('x-api-key').join(SEPARATOR);
      const repeated = findRepeatedCredential(apiKey, authorization);
      if (repeated !== undefined) return deny('malformed_credential', credentialFault(repeated));
      const secret = apiKey || readBearerToken(authorization);
      const reading = await readQuota(secret, peer, options);
      if ('denial' in reading) return deny(reading.denial);
      return { status: 200, body: `${JSON.stringify(reading.quotas)}\n` };
    } catch (error) {
      const reason = error instanceof ApiError ? error.reason : undefined;
      if (reason?.kind === 'too_many_calls') return deny('rate_limited', reason);
      if (reason === undefined) log.error({ err: error, request_id: requestId }, 'reading a quota failed');
      return deny('store_unavailable');
    } finally {
      room.leave(network);
    }
  };
}

/** The header with the credential that counts, if it has more than one value. */
function findRepeatedCredential(apiKey: string, authorization = '') {
  if (apiKey !== '') return apiKey.includes(SEPARATOR) ? 'repeated_api_key_header' : undefined;
  return authorization.includes(SEPARATOR) ? 'repeated_authorization' : undefined;
}
