import { randomUUID } from 'node:crypto';
import type { CheckQuestion } from '../../decide/check/check-question.ts';
import type { CheckVerdict } from '../../decide/check/check-verdict.ts';
import { DENIALS, type DenialCode } from '../../domain/denial.ts';
import { encodeHeaderName, OVERWRITING_HEADERS, writeOverwritingHeader } from '../headers/header-writer.ts';
import { type LimitHeaderMode, writeLimitHeaders } from '../headers/limit-headers.ts';
import { createSourceEncoder } from '../wire/dynamic-metadata.ts';
import { encodeToBytes, type WireWriter } from '../wire/wire-writer.ts';
import { encodeGrpcStatusDetails, isGrpcContentType, RPC_CODES } from './grpc-denial.ts';

// Field numbers of envoy.service.auth.v3, envoy.type.v3 and google.rpc (proto/).
const RESPONSE = { status: 1, deniedResponse: 2, dynamicMetadata: 4 };
const DENIED_RESPONSE = { status: 1, headers: 2, body: 3 };
const HTTP_STATUS = { code: 1 };
const RPC_STATUS = { code: 1, message: 2 };

const CONTENT_TYPE = encodeHeaderName('content-type');
const AUTHENTICATE = encodeHeaderName('www-authenticate');
const GRPC_STATUS = encodeHeaderName('grpc-status');
const GRPC_STATUS_DETAILS = encodeHeaderName('grpc-status-details-bin');

/** Request ids that are safe to repeat: a longer one may carry a payload, and other characters could break a log line. */
const USABLE_REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

type DeniedVerdict = CheckVerdict & { kind: 'denied' };

/** The parts that all denials of one code share. */
interface EncodedDenial {
  /** The JSON body up to the request id. */
  readonly bodyStart: Uint8Array;
  /** The field `status` of DeniedHttpResponse. */
  readonly httpStatus: Uint8Array;
  /** The field `status` of CheckResponse. */
  readonly rpcStatus: Uint8Array;
}

const encodedDenials = new Map<DenialCode, EncodedDenial>();
const encodeSource = createSourceEncoder(RESPONSE.dynamicMetadata);
const JSON_CONTENT_TYPE = encodeToBytes((into) => {
  writeOverwritingHeader(into, DENIED_RESPONSE.headers, CONTENT_TYPE, 'application/json');
});
const encodeChallenge = (challenge: string) =>
  encodeToBytes((into) => writeOverwritingHeader(into, DENIED_RESPONSE.headers, AUTHENTICATE, challenge));
const CHALLENGE = encodeChallenge('Bearer realm="api"');
const INVALID_TOKEN_CHALLENGE = encodeChallenge('Bearer realm="api", error="invalid_token"');

/** Writes a CheckResponse that denies the request. */
export function writeDeniedResponse(into: WireWriter, verdict: DeniedVerdict, mode: LimitHeaderMode): void {
  const { code, question, source } = verdict;
  const { bodyStart, httpStatus, rpcStatus } = encodeDenial(code);
  into.writeEncoded(encodeSource(source));
  const denied = into.beginNested();
  if (isGrpcContentType(question.contentTypeHeader)) writeGrpcBody(into, verdict);
  else writeJsonBody(into, question, bodyStart);
  if (DENIALS[code].status === 401) into.writeEncoded(chooseChallenge(question));
  if (mode !== 'off') writeLimitHeaders(into, OVERWRITING_HEADERS, DENIED_RESPONSE.headers, verdict);
  into.writeEncoded(httpStatus);
  into.endNested(RESPONSE.deniedResponse, denied);
  into.writeEncoded(rpcStatus);
}

function encodeDenial(code: DenialCode): EncodedDenial {
  let encoded = encodedDenials.get(code);
  if (encoded === undefined) {
    const { status, message } = DENIALS[code];
    const body = JSON.stringify({ error: { code, message, request_id: '' } });
    encoded = {
      bodyStart: Buffer.from(body.slice(0, -'""}}'.length)),
      httpStatus: encodeToBytes((into) => {
        const begun = into.beginNested();
        into.writeInteger(HTTP_STATUS.code, status);
        into.endNested(DENIED_RESPONSE.status, begun);
      }),
      rpcStatus: encodeToBytes((into) => {
        const begun = into.beginNested();
        into.writeString(RPC_STATUS.message, code);
        // Envoy only distinguishes zero, which lets the request in, from non-zero, which denies it.
        into.writeInteger(RPC_STATUS.code, RPC_CODES[status]);
        into.endNested(RESPONSE.status, begun);
      }),
    };
    encodedDenials.set(code, encoded);
  }
  return encoded;
}

function writeJsonBody(into: WireWriter, question: CheckQuestion, bodyStart: Uint8Array): void {
  const body = into.beginNested();
  into.writeAsciiPart(`${JSON.stringify(chooseRequestId(question))}}}`);
  into.writeEncoded(bodyStart);
  into.endNested(DENIED_RESPONSE.body, body);
  into.writeEncoded(JSON_CONTENT_TYPE);
}

/**
 * Writes the body and headers for a gRPC client. Envoy turns the body into grpc-message. Without a grpc-status header it
 * would derive the status from the HTTP status: 14 (UNAVAILABLE) from 429.
 */
function writeGrpcBody(into: WireWriter, { code, question, retryAfterSeconds }: DeniedVerdict): void {
  const { status, message } = DENIALS[code];
  const rpcCode = RPC_CODES[status];
  const requestId = chooseRequestId(question);
  const details = encodeGrpcStatusDetails({ code, rpcCode, message, requestId, retryAfterSeconds });
  into.writeString(DENIED_RESPONSE.body, message);
  writeOverwritingHeader(into, DENIED_RESPONSE.headers, GRPC_STATUS, String(rpcCode));
  writeOverwritingHeader(into, DENIED_RESPONSE.headers, GRPC_STATUS_DETAILS, details);
}

/** RFC 6750, section 3.1: a client that sent a token in `authorization` learns that the token is not valid. */
function chooseChallenge({ apiKeyHeader, authorizationHeader }: CheckQuestion): Uint8Array {
  const hasSentBearer = (apiKeyHeader ?? '') === '' && /^bearer /i.test(authorizationHeader ?? '');
  return hasSentBearer ? INVALID_TOKEN_CHALLENGE : CHALLENGE;
}

/** Returns the request's own id if it is safe to repeat in responses and logs, else a new one. */
function chooseRequestId({ requestIdHeader }: CheckQuestion): string {
  return requestIdHeader !== undefined && USABLE_REQUEST_ID.test(requestIdHeader) ? requestIdHeader : randomUUID();
}
