import { DENIALS } from '../core/denial.ts';
import type { CheckVerdict } from '../decide/authorize.ts';
import { HeaderValueOption, HeaderValueOption_HeaderAppendAction } from '../generated/envoy/config/core/v3/base.ts';
import { CheckResponse, DeniedHttpResponse, OkHttpResponse } from '../generated/envoy/service/auth/v3/external_auth.ts';
import { type Headers, rateLimitHeaders } from './rate-limit-headers.ts';

// google.rpc.Code: Envoy reads no more of it than zero (let in) or not (deny).
const RPC_OK = 0;
const RPC_CODES = { 401: 16, 403: 7, 429: 8, 503: 14 } as const;

export function encodeCheckResponse(verdict: CheckVerdict): Uint8Array {
  const response = verdict.kind === 'allowed' ? allowedResponse(verdict) : deniedResponse(verdict);
  return CheckResponse.encode(response).finish();
}

function allowedResponse(verdict: CheckVerdict & { kind: 'allowed' }): CheckResponse {
  const { key, question, credentialHeader, limits } = verdict;
  const identity = { account: key.accountId, api_key: key.id, plan: key.planId };
  const okResponse = OkHttpResponse.fromPartial({
    headers: overwriting([
      ['x-weir-account', identity.account],
      ['x-weir-key', identity.api_key],
      ['x-weir-plan', identity.plan],
    ]),
    headersToRemove: [credentialHeader, ...question.forgedHeaders],
    responseHeadersToAdd: overwriting(rateLimitHeaders(limits)),
  });
  return {
    status: { code: RPC_OK, message: '', details: [] },
    httpResponse: { $case: 'okResponse', value: okResponse },
    dynamicMetadata: identity,
  };
}

function deniedResponse(verdict: CheckVerdict & { kind: 'denied' }): CheckResponse {
  const { code, question, limits, retryAfterSeconds } = verdict;
  const { status, message } = DENIALS[code];
  const headers: (readonly [string, string])[] = [['content-type', 'application/json'], ...rateLimitHeaders(limits)];
  if (status === 401) headers.push(['www-authenticate', 'Bearer realm="api"']);
  if (retryAfterSeconds !== undefined) headers.push(['retry-after', String(retryAfterSeconds)]);
  const body = JSON.stringify({ error: { code, message, request_id: question.requestId } });
  const deniedHttpResponse = DeniedHttpResponse.fromPartial({
    status: { code: status },
    headers: overwriting(headers),
    body,
  });
  return {
    status: { code: RPC_CODES[status], message: code, details: [] },
    httpResponse: { $case: 'deniedResponse', value: deniedHttpResponse },
    dynamicMetadata: undefined,
  };
}

/** Both ways of saying so are set: an Envoy that knows only one of them must not add a value beside the client's own. */
function overwriting(headers: Headers): HeaderValueOption[] {
  return headers.map(([key, value]) =>
    HeaderValueOption.fromPartial({
      header: { key, value },
      append: false,
      appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    }),
  );
}
