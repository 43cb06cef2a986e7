import { DENIALS } from '../core/denial.ts';
import type { CheckVerdict } from '../decide/authorize.ts';
import { type Headers, rateLimitHeaders } from './rate-limit-headers.ts';
import { WireWriter } from './wire-writer.ts';

// Field and enum numbers of envoy.service.auth.v3, envoy.config.core.v3, google.rpc and google.protobuf (proto/).
const RESPONSE = { status: 1, deniedResponse: 2, okResponse: 3, dynamicMetadata: 4 };
const RPC_STATUS = { code: 1, message: 2 };
const OK_RESPONSE = { headers: 2, headersToRemove: 5, responseHeadersToAdd: 6 };
const DENIED_RESPONSE = { status: 1, headers: 2, body: 3 };
const HTTP_STATUS = { code: 1 };
const HEADER_VALUE_OPTION = { header: 1, append: 2, appendAction: 3 };
const OVERWRITE_IF_EXISTS_OR_ADD = 2;
/** Of HeaderValue and of map entries alike. */
const ENTRY = { key: 1, value: 2 };
const STRUCT = { fields: 1 };
const STRUCT_VALUE = { stringValue: 3 };

/** google.rpc.Code: Envoy reads no more of it than zero (let in) or not (deny). */
const RPC_CODES = { 401: 16, 403: 7, 429: 8, 503: 14 } as const;

const writer = new WireWriter();

/** The bytes are valid until the next call. */
export function encodeCheckResponse(verdict: CheckVerdict): Uint8Array {
  writer.begin();
  if (verdict.kind === 'allowed') writeAllowed(verdict);
  else writeDenied(verdict);
  return writer.finish();
}

function writeAllowed({ key, question, credentialHeader, limits }: CheckVerdict & { kind: 'allowed' }): void {
  writeMetadata([
    ['account', key.accountId],
    ['api_key', key.id],
    ['plan', key.planId],
  ]);
  const end = writer.end();
  writeHeaders(OK_RESPONSE.responseHeadersToAdd, rateLimitHeaders(limits));
  for (const name of question.forgedHeaders) writer.text(OK_RESPONSE.headersToRemove, name);
  writer.text(OK_RESPONSE.headersToRemove, credentialHeader);
  writeHeaders(OK_RESPONSE.headers, [
    ['x-weir-account', key.accountId],
    ['x-weir-key', key.id],
    ['x-weir-plan', key.planId],
  ]);
  writer.nested(RESPONSE.okResponse, end);
  // Code 0 is left out of the status, but the status is there: it says that somebody has decided.
  writer.nested(RESPONSE.status, writer.end());
}

function writeDenied({ code, question, limits, retryAfterSeconds }: CheckVerdict & { kind: 'denied' }): void {
  const { status, message } = DENIALS[code];
  const headers: (readonly [string, string])[] = [['content-type', 'application/json'], ...rateLimitHeaders(limits)];
  if (status === 401) headers.push(['www-authenticate', 'Bearer realm="api"']);
  if (retryAfterSeconds !== undefined) headers.push(['retry-after', String(retryAfterSeconds)]);
  const end = writer.end();
  writer.text(DENIED_RESPONSE.body, JSON.stringify({ error: { code, message, request_id: question.requestId } }));
  writeHeaders(DENIED_RESPONSE.headers, headers);
  const httpStatusEnd = writer.end();
  writer.number(HTTP_STATUS.code, status);
  writer.nested(DENIED_RESPONSE.status, httpStatusEnd);
  writer.nested(RESPONSE.deniedResponse, end);
  const statusEnd = writer.end();
  writer.text(RPC_STATUS.message, code);
  writer.number(RPC_STATUS.code, RPC_CODES[status]);
  writer.nested(RESPONSE.status, statusEnd);
}

/** Both ways of saying "overwrite" are set: an Envoy that knows one of them must not add beside the client's own value. */
function writeHeaders(field: number, headers: Headers): void {
  for (let index = headers.length - 1; index >= 0; index--) {
    const header = headers[index];
    if (header === undefined) continue;
    const end = writer.end();
    writer.number(HEADER_VALUE_OPTION.appendAction, OVERWRITE_IF_EXISTS_OR_ADD);
    writer.nested(HEADER_VALUE_OPTION.append, writer.end()); // a BoolValue of false is a message without fields
    const headerEnd = writer.end();
    writer.text(ENTRY.value, header[1]);
    writer.text(ENTRY.key, header[0]);
    writer.nested(HEADER_VALUE_OPTION.header, headerEnd);
    writer.nested(field, end);
  }
}

function writeMetadata(entries: Headers): void {
  const end = writer.end();
  for (const [key, value] of entries) {
    const entryEnd = writer.end();
    writer.text(STRUCT_VALUE.stringValue, value);
    writer.nested(ENTRY.value, entryEnd);
    writer.text(ENTRY.key, key);
    writer.nested(STRUCT.fields, entryEnd);
  }
  writer.nested(RESPONSE.dynamicMetadata, end);
}
