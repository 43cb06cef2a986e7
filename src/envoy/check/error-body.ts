import type { DENIALS, DenialCode } from '../../domain/denial.ts';
import type { LimitStatus } from '../../domain/limits/limit-status.ts';
import { encodeHeaderName, writeOverwritingHeader } from '../headers/header-writer.ts';
import { encodeToBytes, type WireWriter } from '../wire/wire-writer.ts';

// Field numbers of envoy.service.auth.v3 (proto/envoy/service/auth/v3).
const DENIED_RESPONSE = { headers: 2, body: 3 };

/** Format of the body of a denial: Weir's own JSON, or problem details (RFC 9457). */
export type ErrorFormat = 'json' | 'problem';

type Status = (typeof DENIALS)[DenialCode]['status'];

/** Titles of problems whose type is `about:blank` (RFC 9457, section 4.2.1). */
const TITLES: Readonly<Record<Exclude<Status, 429>, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** The problem type of draft-ietf-httpapi-ratelimit-headers-11 for requests over a limit. */
const QUOTA_EXCEEDED = {
  type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
  title: 'Request cannot be satisfied as assigned quota has been exceeded',
};

/** JSON escapes no other characters of a usable request id. */
const NEEDS_ESCAPE = /["\\]/;

const CONTENT_TYPE = encodeHeaderName('content-type');
const encodeContentType = (contentType: string) =>
  encodeToBytes((into) => writeOverwritingHeader(into, DENIED_RESPONSE.headers, CONTENT_TYPE, contentType));
const CONTENT_TYPES: Readonly<Record<ErrorFormat, Uint8Array>> = {
  json: encodeContentType('application/json'),
  problem: encodeContentType('application/problem+json'),
};

/** Encodes the bodies up to the request id, with its opening quote. */
export function encodeBodyStarts(
  code: DenialCode,
  status: Status,
  message: string,
): Readonly<Record<ErrorFormat, Uint8Array>> {
  const kind = status === 429 ? QUOTA_EXCEEDED : { type: 'about:blank', title: TITLES[status] };
  const json = JSON.stringify({ error: { code, message, request_id: '' } });
  const problem = JSON.stringify({ ...kind, status, detail: message, code, request_id: '' });
  return {
    json: Buffer.from(json.slice(0, -'"}}'.length)),
    problem: Buffer.from(problem.slice(0, -'"}'.length)),
  };
}

/** Writes the body, and the header with its type. `limits` are those of the request: a problem names the exceeded ones. */
export function writeErrorBody(
  into: WireWriter,
  format: ErrorFormat,
  bodyStart: Uint8Array,
  requestId: string,
  limits: readonly LimitStatus[],
): void {
  const body = into.beginNested();
  if (format === 'json') into.writeAsciiPart('"}}');
  else into.writeEncoded(Buffer.from(formatProblemEnd(limits)));
  into.writeAsciiPart(NEEDS_ESCAPE.test(requestId) ? JSON.stringify(requestId).slice(1, -1) : requestId);
  into.writeEncoded(bodyStart);
  into.endNested(DENIED_RESPONSE.body, body);
  into.writeEncoded(CONTENT_TYPES[format]);
}

/** The end of a problem, after the request id. Names of limits are those in `ratelimit-policy`. */
function formatProblemEnd(limits: readonly LimitStatus[]): string {
  const violated = limits.filter(({ exceeded }) => exceeded).map(({ limit }) => limit.name);
  return violated.length === 0 ? '"}' : `","violated-policies":${JSON.stringify(violated)}}`;
}
