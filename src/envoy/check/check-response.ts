import type { CheckVerdict } from '../../decide/check/check-verdict.ts';
import { type LimitStatus, tightestStatus } from '../../domain/limits/limit-status.ts';
import { HeaderTemplateCache } from '../headers/header-template-cache.ts';
import { OVERWRITING_HEADERS } from '../headers/header-writer.ts';
import { type LimitHeaderMode, writeLimitHeaders } from '../headers/limit-headers.ts';
import { encodeToBytes, WireWriter } from '../wire/wire-writer.ts';
import { writeAnonymousMetadata } from './check-metadata.ts';
import { writeDeniedResponse } from './denied-response.ts';
import { type AllowedVerdict, encodeIdentity } from './encoded-identity-cache.ts';

// Field numbers of envoy.service.auth.v3 (proto/envoy/service/auth/v3).
const RESPONSE = { status: 1, okResponse: 3 };
const OK_RESPONSE = { headersToRemove: 5, responseHeadersToAdd: 6, queryParametersToRemove: 8 };

type AnonymousVerdict = CheckVerdict & { kind: 'anonymous' };

const writer = new WireWriter();
const headerTemplates = new HeaderTemplateCache(OVERWRITING_HEADERS, OK_RESPONSE.responseHeadersToAdd);

/** Encodes a CheckResponse. The bytes are valid until the next call. */
export function encodeCheckResponse(verdict: CheckVerdict, mode: LimitHeaderMode): Uint8Array {
  writer.beginMessage();
  if (verdict.kind === 'allowed') writeAllowed(verdict, mode);
  else if (verdict.kind === 'anonymous') writeAnonymous(verdict, mode);
  else writeDeniedResponse(writer, verdict, mode);
  return writer.finishMessage();
}

function writeAllowed(verdict: AllowedVerdict, mode: LimitHeaderMode): void {
  const tightest = tightestStatus(verdict.limits);
  if (tightest !== undefined) writer.writeDigitsPart(tightest.remaining);
  const { bytes, metadataLength } = encodeIdentity(verdict, writer.beginNested());
  writer.writeEncoded(bytes);
  if (verdict.removesAuthorization) writer.writeString(OK_RESPONSE.headersToRemove, 'authorization');
  if (mode === 'all') writeLimits(verdict, tightest);
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
  writeAnonymousMetadata(writer, verdict.source, tightest);
  const begun = writer.beginNested();
  writer.writeEncoded(REMOVE_IDENTITY_HEADERS);
  if (mode === 'all') writeLimits(verdict, tightest);
  finishOk(verdict, begun);
}

function writeLimits({ limits }: CheckVerdict, tightest: LimitStatus | undefined): void {
  const templates = tightest?.exceeded === false ? headerTemplates.templatesFor(limits) : undefined;
  if (tightest !== undefined && templates !== undefined) templates.write(writer, limits, tightest);
  else writeLimitHeaders(writer, OVERWRITING_HEADERS, OK_RESPONSE.responseHeadersToAdd, { limits, tightest });
}

/** Completes a response that lets the request in. The fields of OkHttpResponse are those written since `begun`. */
function finishOk({ question }: CheckVerdict, begun: number): void {
  for (const name of question.queryKeyNames) writer.writeString(OK_RESPONSE.queryParametersToRemove, name);
  for (const name of question.forgedHeaders) writer.writeString(OK_RESPONSE.headersToRemove, name);
  writer.endNested(RESPONSE.okResponse, begun);
  // The status is present although its only field, code 0, is left out. It shows that Weir has decided.
  writer.writeEmpty(RESPONSE.status);
}
