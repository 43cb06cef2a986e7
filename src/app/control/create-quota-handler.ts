import { readBearerToken } from '../../admin/callers/caller.ts';
import { type CallContextOptions, readCallContext } from '../../admin/methods/call-context.ts';
import type { TokenInfoOptions } from '../../admin/tokens/token-info-options.ts';
import { readQuota } from '../../admin/usage/read-quota.ts';
import { SharedRoom } from '../../collections/shared-room.ts';
import { ApiError } from '../../domain/api-error.ts';
import { clientNetwork } from '../../domain/credentials/client-network.ts';
import { DENIALS, type DenialCode } from '../../domain/denial.ts';
import type { QuotaAnswer, QuotaHandler } from '../../http/endpoints/quota-endpoint.ts';
import type { Logger } from '../../interfaces/logger.ts';

/**
 * Requests in progress, and those of one network: each asks the process that decides a few questions. So a flood leaves
 * room there for other questions, such as those of the emergency brake.
 */
const MAX_IN_PROGRESS = { total: 64, network: 16 };

/** Creates the handler of `/v1/quota`. It answers denials as Check does. */
export function createQuotaHandler(
  options: TokenInfoOptions,
  contexts: CallContextOptions,
  log: Pick<Logger, 'error'>,
): QuotaHandler {
  const room = new SharedRoom(MAX_IN_PROGRESS.total, MAX_IN_PROGRESS.network);
  return async (question) => {
    const { peer, requestId, authorization } = readCallContext(question, contexts);
    const deny = (code: DenialCode, retryAfterSeconds?: number): QuotaAnswer => {
      const { status, message } = DENIALS[code];
      const body = JSON.stringify({ error: { code, message, request_id: requestId } });
      return { status, body, retryAfterSeconds };
    };
    const network = clientNetwork(peer);
    if (!room.enter(network)) return deny('rate_limited', 1);
    try {
      const [apiKey] = question.readHeader('x-api-key');
      const secret = apiKey ?? readBearerToken(authorization);
      const reading = await readQuota(secret, peer, options);
      if ('denial' in reading) return deny(reading.denial);
      return { status: 200, body: `${JSON.stringify(reading.quotas)}\n` };
    } catch (error) {
      const reason = error instanceof ApiError ? error.reason : undefined;
      if (reason?.kind === 'too_many_calls') return deny('rate_limited', reason.retryAfterSeconds);
      if (reason === undefined) log.error({ err: error, request_id: requestId }, 'reading a quota failed');
      return deny('store_unavailable');
    } finally {
      room.leave(network);
    }
  };
}
