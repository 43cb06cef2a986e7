import type { CheckQuestion } from '../../decide/check/check-question.ts';
import type { CheckVerdict } from '../../decide/check/check-verdict.ts';
import { DENIALS, type DenialCode } from '../../domain/denial.ts';
import { tightestStatus } from '../../domain/limits/limit-status.ts';
import { encodeHeaderName, OVERWRITING_HEADERS, writeOverwritingHeader } from '../headers/header-writer.ts';
import { type LimitHeaderMode, writeLimitHeaders } from '../headers/limit-headers.ts';
import { encodeStringEntry } from '../wire/dynamic-metadata.ts';
import { encodeToBytes, type WireWriter } from '../wire/wire-writer.ts';
import { writeDeniedMetadata } from './check-metadata.ts';
import { encodeGrpcStatusDetails, isGrpcContentType, RPC_CODES } from './grpc-denial.ts';
import { chooseRequestId } from './request-id.ts';

// Field numbers of envoy.service.auth.v3, envoy.type.v3 and google.rpc (proto/).
const RESPONSE = { status: 1, deniedResponse: 2 };
const DENIED_RESPONSE = { status: 1, headers: 2, body: 3 };
const HTTP_STATUS = { code: 1 };
const RPC_STATUS = { code: 1, message: 2 };

const CONTENT_TYPE = encodeHeaderName('content-type');
const AUTHENTICATE = encodeHeaderName('www-authenticate');
const GRPC_STATUS = encodeHeaderName('grpc-status');
const GRPC_STATUS_DETAILS = encodeHeaderName('grpc-status-details-bin');

type DeniedVerdict = CheckVerdict & { kind: 'denied' };

/** JSON escapes no other characters of a usable request id. */
const NEEDS_ESCAPE = /["\\]/;

/** The parts that all denials with one message share. */
interface EncodedDenial {
  /** The entry `code` of the dynamic metadata. */
  readonly codeEntry: Uint8Array;
  /** The JSON body up to the request id, with its opening quote. */
  readonly bodyStart: Uint8Array;
  /** The field `status` of DeniedHttpResponse. */
  readonly httpStatus: Uint8Array;
  /** The field `status` of CheckResponse. */
  readonly rpcStatus: Uint8Array;
}

/** By the message. Each code has a message of its own, and so has each fault that responses name. */
const encodedDenials = new Map<string, EncodedDenial>();
const JSON_CONTENT_TYPE = encodeToBytes((into) => {
  writeOverwritingHeader(into, DENIED_RESPONSE.headers, CONTENT_TYPE, 'application/json');
});
const encodeChallenge = (challenge: string) =>
  encodeToBytes((into) => writeOverwritingHeader(into, DENIED_RESPONSE.headers, AUTHENTICATE, challenge));
const CHALLENGE = encodeChallenge('Bearer realm="api"');
const INVALID_TOKEN_CHALLENGE = encodeChallenge('Bearer realm="api", error="invalid_token"');

/** Writes a CheckResponse that denies the request. */
export function writeDeniedResponse(into: WireWriter, verdict: DeniedVerdict, mode: LimitHeaderMode): void {
  const { code, question, fault } = verdict;
  const message = fault?.message ?? DENIALS[code].message;
  const { codeEntry, bodyStart, httpStatus, rpcStatus } = encodeDenial(code, message);
  const requestId = chooseRequestId(question);
  const { limits, retryAfterSeconds } = verdict;
  const tightest = tightestStatus(limits);
  writeDeniedMetadata(into, verdict, tightest, codeEntry, requestId);
  const denied = into.beginNested();
  if (isGrpcContentType(question.contentTypeHeader)) writeGrpcBody(into, verdict, message, requestId);
  else writeJsonBody(into, requestId, bodyStart);
  if (DENIALS[code].status === 401) into.writeEncoded(chooseChallenge(question));
  if (mode !== 'off') {
    writeLimitHeaders(into, OVERWRITING_HEADERS, DENIED_RESPONSE.headers, { limits, retryAfterSeconds, tightest });
  }
  into.writeEncoded(httpStatus);
  into.endNested(RESPONSE.deniedResponse, denied);
  into.writeEncoded(rpcStatus);
}

function encodeDenial(code: DenialCode, message: string): EncodedDenial {
  let encoded = encodedDenials.get(message);
  if (encoded === undefined) {
    const { status } = DENIALS[code];
    const body = JSON.stringify({ error: { code, message, request_id: '' } });
    encoded = {
      codeEntry: encodeStringEntry('code', code),
      bodyStart: Buffer.from(body.slice(0, -'"}}'.length)),
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
    encodedDenials.set(message, encoded);
  }
  return encoded;
}

function writeJsonBody(into: WireWriter, requestId: string, bodyStart: Uint8Array): void {
  const body = into.beginNested();
  into.writeAsciiPart('"}}');
  into.writeAsciiPart(NEEDS_ESCAPE.test(requestId) ? JSON.stringify(requestId).slice(1, -1) : requestId);
  into.writeEncoded(bodyStart);
  into.endNested(DENIED_RESPONSE.body, body);
  into.writeEncoded(JSON_CONTENT_TYPE);
}

/**
 * Writes the body and headers for a gRPC client. Envoy turns the body into grpc-message. Without a grpc-status header it
 * would derive the status from the HTTP status: 14 (UNAVAILABLE) from 429.
 */
function writeGrpcBody(
  into: WireWriter,
  { code, retryAfterSeconds }: DeniedVerdict,
  message: string,
  requestId: string,
): void {
  const rpcCode = RPC_CODES[DENIALS[code].status];
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
