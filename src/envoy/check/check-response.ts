import { randomUUID } from 'node:crypto';
import type { CheckQuestion, CheckVerdict } from '../../decide/check/check.ts';
import { DENIALS, type DenialCode } from '../../domain/denial.ts';
import { tightestStatus } from '../../domain/limit-status.ts';
import { ListedHeaderTemplates } from '../headers/header-template-cache.ts';
import { encodedBy, headerName, OVERWRITING, writeHeader } from '../headers/header-writer.ts';
import { type RateLimitHeaders, writeRateLimitHeaders } from '../headers/limit-headers.ts';
import { sourceMetadata, writeMetadata } from '../wire/dynamic-metadata.ts';
import { WireWriter } from '../wire/wire-writer.ts';
import { grpcStatusDetails, isGrpc, RPC_CODES } from './grpc-denial.ts';

// Field and enum numbers of envoy.service.auth.v3 and google.rpc (proto/).
const RESPONSE = { status: 1, deniedResponse: 2, okResponse: 3, dynamicMetadata: 4 };
const RPC_STATUS = { code: 1, message: 2 };
const OK_RESPONSE = { headers: 2, headersToRemove: 5, responseHeadersToAdd: 6, queryParametersToRemove: 8 };
const DENIED_RESPONSE = { status: 1, headers: 2, body: 3 };
const HTTP_STATUS = { code: 1 };

const ACCOUNT = headerName('x-weir-account');
const KEY = headerName('x-weir-key');
const PLAN = headerName('x-weir-plan');
const CONTENT_TYPE = headerName('content-type');
const AUTHENTICATE = headerName('www-authenticate');
const GRPC_STATUS = headerName('grpc-status');
const GRPC_STATUS_DETAILS = headerName('grpc-status-details-bin');

/** Longer ones carry something, and what is not printable could break a log line. */
const USABLE_REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

const writer = new WireWriter();
const headerTemplates = new ListedHeaderTemplates(OVERWRITING, OK_RESPONSE.responseHeadersToAdd);

/** Where nobody in particular is let in. */
const metadataOf = sourceMetadata(RESPONSE.dynamicMetadata);

/** The bytes are valid until the next call. */
export function encodeCheckResponse(verdict: CheckVerdict, headers: RateLimitHeaders): Uint8Array {
  writer.begin();
  if (verdict.kind === 'allowed') writeAllowed(verdict, headers);
  else if (verdict.kind === 'anonymous') writeAnonymous(verdict, headers);
  else writeDenied(verdict, headers);
  return writer.finish();
}

function writeAllowed(verdict: CheckVerdict & { kind: 'allowed' }, rateLimitHeaders: RateLimitHeaders): void {
  const { bytes, metadataLength } = encodedIdentity(verdict);
  writer.encoded(bytes);
  if (verdict.removesAuthorization) writer.text(OK_RESPONSE.headersToRemove, 'authorization');
  if (rateLimitHeaders === 'all') writeLimits(verdict);
  writeOk(verdict, metadataLength);
}

/** What would name an identity is the client's own then, and goes too. */
const NO_IDENTITY = encodedBy((into) => {
  for (const name of ['x-weir-account', 'x-weir-key', 'x-weir-plan']) into.text(OK_RESPONSE.headersToRemove, name);
});

function writeAnonymous(verdict: CheckVerdict & { kind: 'anonymous' }, rateLimitHeaders: RateLimitHeaders): void {
  writer.encoded(metadataOf(verdict.source));
  const end = writer.end();
  writer.encoded(NO_IDENTITY);
  if (rateLimitHeaders === 'all') writeLimits(verdict);
  writeOk(verdict, end);
}

function writeLimits({ limits }: CheckVerdict): void {
  const deciding = tightestStatus(limits);
  const templates = deciding?.exceeded === false ? headerTemplates.of(limits) : undefined;
  if (deciding !== undefined && templates !== undefined) templates.write(writer, limits, deciding);
  else writeRateLimitHeaders(writer, OVERWRITING, OK_RESPONSE.responseHeadersToAdd, { limits, tightest: deciding });
}

/** Ends an answer that lets the request in: what was written since `end` are fields of OkHttpResponse. */
function writeOk({ question }: CheckVerdict, end: number): void {
  for (const name of question.queryKeyNames) writer.text(OK_RESPONSE.queryParametersToRemove, name);
  for (const name of question.forgedHeaders) writer.text(OK_RESPONSE.headersToRemove, name);
  writer.nested(RESPONSE.okResponse, end);
  // Code 0 is left out of the status, but the status is there: it says that somebody has decided.
  writer.nested(RESPONSE.status, writer.end());
}

interface EncodedIdentity {
  /** That was encoded: what has no plan of its own gets another when its account does. */
  readonly planId: string | undefined;
  readonly source: string;
  /** The end of OkHttpResponse, which is the same in every answer to the credential in this place, and all behind it. */
  readonly bytes: Uint8Array;
  /** Of the field `dynamic_metadata`, which is what is behind it. */
  readonly metadataLength: number;
}

const encodedIdentities = {
  'x-api-key': new WeakMap<object, EncodedIdentity>(),
  authorization: new WeakMap<object, EncodedIdentity>(),
  query: new WeakMap<object, EncodedIdentity>(),
};

/** More than half of an answer is the same for a credential each time; but for the plan, a changed one is another record. */
function encodedIdentity(verdict: CheckVerdict & { kind: 'allowed' }): EncodedIdentity {
  const { credential, credentialHeader, planId, source } = verdict;
  const known = encodedIdentities[credentialHeader ?? 'query'].get(credential);
  if (known !== undefined && known.planId === planId && known.source === source) return known;
  const metadata = identityMetadata(verdict);
  const bytes = Buffer.concat([identityHeaders(verdict), metadata]);
  const encoded = { planId, source, bytes, metadataLength: metadata.length };
  encodedIdentities[credentialHeader ?? 'query'].set(credential, encoded);
  return encoded;
}

/** What there is none of is left out: Envoy's rate-limit actions read non-empty texts only. */
function identityMetadata({ credential, keyId, planId, source }: CheckVerdict & { kind: 'allowed' }): Uint8Array {
  const entries: [key: string, value: string][] = [['account', credential.accountId]];
  if (keyId !== undefined) entries.push(['api_key', keyId]);
  if (planId !== undefined) entries.push(['plan', planId]);
  entries.push(['source', source]);
  return encodedBy((into) => writeMetadata(into, RESPONSE.dynamicMetadata, entries));
}

/** What there is none of is removed: then it is the client who has sent it. */
function identityHeaders(verdict: CheckVerdict & { kind: 'allowed' }): Uint8Array {
  const { credential, credentialHeader, keyId, planId } = verdict;
  return encodedBy((into) => {
    if (credentialHeader !== undefined) into.text(OK_RESPONSE.headersToRemove, credentialHeader);
    if (planId === undefined) into.text(OK_RESPONSE.headersToRemove, 'x-weir-plan');
    else writeHeader(into, OK_RESPONSE.headers, PLAN, planId);
    if (keyId === undefined) into.text(OK_RESPONSE.headersToRemove, 'x-weir-key');
    else writeHeader(into, OK_RESPONSE.headers, KEY, keyId);
    writeHeader(into, OK_RESPONSE.headers, ACCOUNT, credential.accountId);
  });
}

/** What is the same in every denial of one code. */
interface EncodedDenial {
  /** The JSON body up to the request's id. */
  readonly body: Uint8Array;
  /** The field `status` of DeniedHttpResponse. */
  readonly httpStatus: Uint8Array;
  /** The field `status` of CheckResponse. */
  readonly rpcStatus: Uint8Array;
}

const encodedDenials = new Map<DenialCode, EncodedDenial>();
const JSON_CONTENT = encodedBy((into) => writeHeader(into, DENIED_RESPONSE.headers, CONTENT_TYPE, 'application/json'));
const encodedChallenge = (challenge: string) =>
  encodedBy((into) => writeHeader(into, DENIED_RESPONSE.headers, AUTHENTICATE, challenge));
const CHALLENGE = encodedChallenge('Bearer realm="api"');
const CHALLENGE_OF_BAD_TOKEN = encodedChallenge('Bearer realm="api", error="invalid_token"');

function encodedDenial(code: DenialCode): EncodedDenial {
  let encoded = encodedDenials.get(code);
  if (encoded === undefined) {
    const { status, message } = DENIALS[code];
    const whole = JSON.stringify({ error: { code, message, request_id: '' } });
    encoded = {
      body: Buffer.from(whole.slice(0, -'""}}'.length)),
      httpStatus: encodedBy((into) => {
        into.number(HTTP_STATUS.code, status);
        into.nested(DENIED_RESPONSE.status, 0);
      }),
      rpcStatus: encodedBy((into) => {
        into.text(RPC_STATUS.message, code);
        // Envoy reads no more of it than zero (let in) or not (deny).
        into.number(RPC_STATUS.code, RPC_CODES[status]);
        into.nested(RESPONSE.status, 0);
      }),
    };
    encodedDenials.set(code, encoded);
  }
  return encoded;
}

function writeDenied(verdict: CheckVerdict & { kind: 'denied' }, rateLimitHeaders: RateLimitHeaders): void {
  const { code, question, source } = verdict;
  const { body, httpStatus, rpcStatus } = encodedDenial(code);
  writer.encoded(metadataOf(source));
  const end = writer.end();
  if (isGrpc(question.contentTypeHeader)) writeGrpcDenial(verdict);
  else {
    const bodyEnd = writer.end();
    writer.ascii(`${JSON.stringify(requestIdOf(question))}}}`);
    writer.encoded(body);
    writer.nested(DENIED_RESPONSE.body, bodyEnd);
    writer.encoded(JSON_CONTENT);
  }
  const { headers } = DENIED_RESPONSE;
  if (DENIALS[code].status === 401) writer.encoded(challengeOf(question));
  if (rateLimitHeaders !== 'off') writeRateLimitHeaders(writer, OVERWRITING, headers, verdict);
  writer.encoded(httpStatus);
  writer.nested(RESPONSE.deniedResponse, end);
  writer.encoded(rpcStatus);
}

/** Envoy makes a grpc-message of the body, and of the HTTP status a grpc-status, unless there is one: 14 of a 429. */
function writeGrpcDenial({ code, question, retryAfterSeconds }: CheckVerdict & { kind: 'denied' }): void {
  const { status, message } = DENIALS[code];
  const rpcCode = RPC_CODES[status];
  const details = { code, rpcCode, message, requestId: requestIdOf(question), retryAfterSeconds };
  writer.text(DENIED_RESPONSE.body, message);
  writeHeader(writer, DENIED_RESPONSE.headers, GRPC_STATUS, String(rpcCode));
  writeHeader(writer, DENIED_RESPONSE.headers, GRPC_STATUS_DETAILS, grpcStatusDetails(details));
}

/** RFC 6750, 3.1: who sent something in authorization is told that it was no good. */
function challengeOf({ apiKeyHeader, authorizationHeader }: CheckQuestion): Uint8Array {
  const hasSentBearer = (apiKeyHeader ?? '') === '' && /^bearer /i.test(authorizationHeader ?? '');
  return hasSentBearer ? CHALLENGE_OF_BAD_TOKEN : CHALLENGE;
}

/** The request's own id, if it is one that can be repeated in answers and logs, else a new one. */
function requestIdOf({ requestIdHeader }: CheckQuestion): string {
  return requestIdHeader !== undefined && USABLE_REQUEST_ID.test(requestIdHeader) ? requestIdHeader : randomUUID();
}
