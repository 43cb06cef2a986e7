import type { CheckQuestion } from '../../decide/check/check-question.ts';
import type { CheckVerdict } from '../../decide/check/check-verdict.ts';
import { DENIALS, type DenialCode } from '../../domain/denial.ts';
import { tightestStatus } from '../../domain/limits/limit-status.ts';
import { encodeHeaderName, OVERWRITING_HEADERS, writeOverwritingHeader } from '../headers/header-writer.ts';
import { type LimitHeaderMode, writeLimitHeaders } from '../headers/limit-headers.ts';
import { encodeStringEntry } from '../wire/dynamic-metadata.ts';
import { encodeToBytes, type WireWriter } from '../wire/wire-writer.ts';
import { writeDeniedMetadata } from './check-metadata.ts';
import { type ErrorFormat, encodeBodyStarts, writeErrorBody } from './error-body.ts';
import { encodeGrpcStatusDetails, isGrpcContentType, RPC_CODES } from './grpc-denial.ts';
import type { PublishedLimits } from './published-limits.ts';
import { chooseRequestId } from './request-id.ts';

// Field numbers of envoy.service.auth.v3, envoy.type.v3 and google.rpc (proto/).
const RESPONSE = { status: 1, deniedResponse: 2, errorResponse: 5 };
/** Denials with this status say that Weir could not decide. */
const COULD_NOT_DECIDE = 503;
const DENIED_RESPONSE = { status: 1, headers: 2, body: 3 };
const HTTP_STATUS = { code: 1 };
const RPC_STATUS = { code: 1, message: 2 };

const AUTHENTICATE = encodeHeaderName('www-authenticate');
const GRPC_STATUS = encodeHeaderName('grpc-status');
const GRPC_STATUS_DETAILS = encodeHeaderName('grpc-status-details-bin');

type DeniedVerdict = CheckVerdict & { kind: 'denied' };

export interface CheckAnswerOptions {
  /** Which responses report limits to clients. */
  readonly rateLimitHeaders: LimitHeaderMode;
  /** How to answer a Check that Weir could not decide: with a denial, or with an error that Envoy judges. */
  readonly checkErrors: 'deny' | 'error';
  /** Format of the body of a denial. undefined: `json`. */
  readonly errorFormat?: ErrorFormat | undefined;
  /** Puts the limits of plan and credential into the dynamic metadata. undefined: they are left out. */
  readonly publishedLimits?: PublishedLimits | undefined;
}

/** The parts that all denials with one message share. */
interface EncodedDenial {
  /** The entry `code` of the dynamic metadata. */
  readonly codeEntry: Uint8Array;
  /** The bodies up to the request id. */
  readonly bodyStarts: ReturnType<typeof encodeBodyStarts>;
  /** The field `status` of DeniedHttpResponse. */
  readonly httpStatus: Uint8Array;
  /** The field `status` of CheckResponse. */
  readonly rpcStatus: Uint8Array;
}

/** By the message. Each code has a message of its own, and so has each fault that responses name. */
const encodedDenials = new Map<string, EncodedDenial>();
const encodeChallenge = (challenge: string) =>
  encodeToBytes((into) => writeOverwritingHeader(into, DENIED_RESPONSE.headers, AUTHENTICATE, challenge));
const CHALLENGE = encodeChallenge('Bearer realm="api"');
const INVALID_TOKEN_CHALLENGE = encodeChallenge('Bearer realm="api", error="invalid_token"');

/**
 * Writes a CheckResponse that denies the request. With `checkErrors: error`, a request that could not be decided gets
 * an error response: Envoy counts an error and follows its own `failure_mode_allow`.
 */
export function writeDeniedResponse(
  into: WireWriter,
  verdict: DeniedVerdict,
  { rateLimitHeaders, checkErrors, errorFormat = 'json' }: CheckAnswerOptions,
): void {
  const { code, question, fault } = verdict;
  const message = fault?.message ?? configuredMessage(verdict) ?? DENIALS[code].message;
  const { codeEntry, bodyStarts, httpStatus, rpcStatus } = encodeDenial(code, message);
  const requestId = chooseRequestId(question);
  const { limits, retryAfterSeconds } = verdict;
  const tightest = tightestStatus(limits);
  writeDeniedMetadata(into, verdict, tightest, codeEntry, requestId);
  const denied = into.beginNested();
  if (isGrpcContentType(question.contentTypeHeader)) writeGrpcBody(into, verdict, message, requestId);
  else writeErrorBody(into, errorFormat, bodyStarts[errorFormat], requestId, limits);
  if (DENIALS[code].status === 401) into.writeEncoded(chooseChallenge(question));
  if (rateLimitHeaders !== 'off') {
    writeLimitHeaders(into, OVERWRITING_HEADERS, DENIED_RESPONSE.headers, { limits, retryAfterSeconds, tightest });
  }
  into.writeEncoded(httpStatus);
  const isError = checkErrors === 'error' && DENIALS[code].status === COULD_NOT_DECIDE;
  into.endNested(isError ? RESPONSE.errorResponse : RESPONSE.deniedResponse, denied);
  into.writeEncoded(rpcStatus);
}

/** Returns the message that depends on the configuration of the route, or of Weir. */
function configuredMessage({ code, question }: DeniedVerdict): string | undefined {
  if (code === 'missing_credential') return question.sourced?.missingMessage;
  return code === 'invalid_configuration' ? question.configurationFault?.message : undefined;
}

function encodeDenial(code: DenialCode, message: string): EncodedDenial {
  let encoded = encodedDenials.get(message);
  if (encoded === undefined) {
    const { status } = DENIALS[code];
    encoded = {
      codeEntry: encodeStringEntry('code', code),
      bodyStarts: encodeBodyStarts(code, status, message),
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
