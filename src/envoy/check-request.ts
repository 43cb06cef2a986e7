import { randomUUID } from 'node:crypto';
import type { CheckQuestion } from '../decide/authorize.ts';
import type { AttributeContext_HttpRequest } from '../generated/envoy/service/auth/v3/attribute_context.ts';
import { CheckRequest } from '../generated/envoy/service/auth/v3/external_auth.ts';
import { decodeMessage } from './invalid-request.ts';

/** Longer ids are not repeated in answers and logs: an id is for finding a request, not for carrying things. */
const LONGEST_REQUEST_ID = 128;

/** Names that a later hop may read as Weir's own: CGI-style upstreams fold `_` and `-` into one. */
const WEIR_HEADER = /^x[-_]weir[-_]/i;
const OVERWRITTEN_HEADERS = new Set(['x-weir-account', 'x-weir-key', 'x-weir-plan']);

/** Reads a CheckRequest. Throws InvalidRequest. */
export function decodeCheckRequest(message: Uint8Array): CheckQuestion {
  const attributes = decodeMessage(CheckRequest, 'envoy.service.auth.v3.CheckRequest', message).attributes;
  const headers = headersOf(attributes?.request?.http);
  const requestId = headers.get('x-request-id');
  return {
    requestId: requestId !== undefined && isUsable(requestId) ? requestId : randomUUID(),
    apiKeyHeader: headers.get('x-api-key'),
    authorizationHeader: headers.get('authorization'),
    rateLimitOff: attributes?.contextExtensions['weir.rate_limit'] === 'off',
    forgedHeaders: [...headers.keys()].filter((name) => WEIR_HEADER.test(name) && !OVERWRITTEN_HEADERS.has(name)),
  };
}

function isUsable(requestId: string): boolean {
  return requestId.length <= LONGEST_REQUEST_ID && /^[\x21-\x7e]+$/.test(requestId);
}

/** Envoy sends either form: `headers`, or with encode_raw_headers `header_map`; repeated names are joined as HTTP joins them. */
function headersOf(http: AttributeContext_HttpRequest | undefined): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  const add = (name: string, value: string) => {
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  };
  for (const [name, value] of Object.entries(http?.headers ?? {})) add(name.toLowerCase(), value);
  for (const { key, value, rawValue } of http?.headerMap?.headers ?? []) {
    add(key.toLowerCase(), rawValue.length > 0 ? Buffer.from(rawValue).toString('latin1') : value);
  }
  return headers;
}
