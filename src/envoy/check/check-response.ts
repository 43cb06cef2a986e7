import type { CheckVerdict } from '../../decide/check/check-verdict.ts';
import type { SourcedCredential } from '../../decide/check/presented-credential.ts';
import { type LimitStatus, tightestStatus } from '../../domain/limits/limit-status.ts';
import { HeaderTemplateCache } from '../headers/header-template-cache.ts';
import { encodeHeaderName, OVERWRITING_HEADERS, writeOverwritingHeader } from '../headers/header-writer.ts';
import { type LimitHeaderMode, reportsGrants, writeLimitHeaders } from '../headers/limit-headers.ts';
import { encodeToBytes, WireWriter } from '../wire/wire-writer.ts';
import { writeAllowedMetadata } from './check-metadata.ts';
import { type CheckAnswerOptions, writeDeniedResponse } from './denied-response.ts';
import { type AllowedVerdict, writeIdentity } from './encoded-identity-cache.ts';
import { chooseRequestId } from './request-id.ts';

// Field numbers of envoy.service.auth.v3 (proto/envoy/service/auth/v3).
const RESPONSE = { status: 1, okResponse: 3 };
const OK_RESPONSE = { headers: 2, headersToRemove: 5, responseHeadersToAdd: 6, queryParametersToRemove: 8 };

const COOKIE = encodeHeaderName('cookie');

/** The entries of an answer that publishes no limits. */
const NO_LIMITS = new Uint8Array();

type AnonymousVerdict = CheckVerdict & { kind: 'anonymous' };

const writer = new WireWriter();
const headerTemplates = new HeaderTemplateCache(OVERWRITING_HEADERS, OK_RESPONSE.responseHeadersToAdd);

/** Encodes a CheckResponse. The bytes are valid until the next call. */
export function encodeCheckResponse(verdict: CheckVerdict, options: CheckAnswerOptions): Uint8Array {
  const { rateLimitHeaders: mode } = options;
  writer.beginMessage();
  if (verdict.kind === 'allowed') writeAllowed(verdict, options);
  else if (verdict.kind === 'anonymous') writeAnonymous(verdict, mode);
  else writeDeniedResponse(writer, verdict, options);
  return writer.finishMessage();
}

function writeAllowed(verdict: AllowedVerdict, { rateLimitHeaders: mode, publishedLimits }: CheckAnswerOptions): void {
  const tightest = tightestStatus(verdict.limits);
  const limits = publishedLimits?.encode(verdict) ?? NO_LIMITS;
  const metadataLength = writeIdentity(writer, verdict, tightest?.remaining, limits);
  if (verdict.removesAuthorization) writer.writeString(OK_RESPONSE.headersToRemove, 'authorization');
  if (reportsGrants(mode)) writeLimits(verdict, tightest);
  finishOk(verdict, metadataLength);
}

/** Removes the identity headers: without an identity, they can only come from the client. */
const REMOVE_IDENTITY_HEADERS = encodeToBytes((into) => {
  for (const name of ['x-weir-account', 'x-weir-key', 'x-weir-plan']) {
    into.writeString(OK_RESPONSE.headersToRemove, name);
  }
});

function writeAnonymous(verdict: AnonymousVerdict, mode: LimitHeaderMode): void {
  const tightest = tightestStatus(verdict.limits);
  writeAllowedMetadata(writer, undefined, verdict.source, tightest?.remaining, chooseRequestId(verdict.question));
  const begun = writer.beginNested();
  writer.writeEncoded(REMOVE_IDENTITY_HEADERS);
  if (reportsGrants(mode)) writeLimits(verdict, tightest);
  finishOk(verdict, begun);
}

function writeLimits({ limits }: CheckVerdict, tightest: LimitStatus | undefined): void {
  const templates = tightest?.exceeded === false ? headerTemplates.templatesFor(limits) : undefined;
  if (tightest !== undefined && templates !== undefined) templates.write(writer, limits, tightest, false);
  else writeLimitHeaders(writer, OVERWRITING_HEADERS, OK_RESPONSE.responseHeadersToAdd, { limits, tightest });
}

/** Removes the sources of API keys that the request has, so that the upstream sees none of them. */
function writeSourcedRemovals({ removedHeaders, removedParameters, cookie }: SourcedCredential): void {
  for (const name of removedHeaders) writer.writeString(OK_RESPONSE.headersToRemove, name);
  for (const name of removedParameters) writer.writeString(OK_RESPONSE.queryParametersToRemove, name);
  if (cookie !== undefined) writeOverwritingHeader(writer, OK_RESPONSE.headers, COOKIE, cookie);
}

/** Completes a response that lets the request in. The fields of OkHttpResponse are those written since `begun`. */
function finishOk({ question }: CheckVerdict, begun: number): void {
  // Where Weir reads no credential, what looks like one belongs to the upstream.
  if (question.ignoresCredential !== true) {
    for (const name of question.queryKeyNames) writer.writeString(OK_RESPONSE.queryParametersToRemove, name);
    if (question.sourced !== undefined) writeSourcedRemovals(question.sourced);
  }
  for (const name of question.forgedHeaders) writer.writeString(OK_RESPONSE.headersToRemove, name);
  writer.endNested(RESPONSE.okResponse, begun);
  // The status is present although its only field, code 0, is left out. It shows that Weir has decided.
  writer.writeEmpty(RESPONSE.status);
}
