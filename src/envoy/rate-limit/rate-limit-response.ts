import type { DescriptorVerdict, RateLimitVerdict } from '../../decide/rate-limit/rate-limit-verdict.ts';
import { type MetadataValue, mergeMetadata } from '../../domain/metadata.ts';
import { HeaderTemplateCache } from '../headers/header-template-cache.ts';
import { APPENDING_HEADERS } from '../headers/header-writer.ts';
import { type LimitHeaderMode, writeLimitHeaders } from '../headers/limit-headers.ts';
import { createSourceEncoder, writeMetadata } from '../wire/dynamic-metadata.ts';
import { WireWriter } from '../wire/wire-writer.ts';
import { type EncodedLimit, encodeLimit, limitMetadata } from './encoded-limit-cache.ts';

// Field and enum numbers of envoy.service.ratelimit.v3 (proto/envoy/service/ratelimit/v3).
const RESPONSE = { overallCode: 1, statuses: 2, responseHeadersToAdd: 3, dynamicMetadata: 6 };
const STATUS = { code: 1, limitRemaining: 3, durationUntilReset: 4 };
const DURATION = { seconds: 1 };
const OK = 1;
const OVER_LIMIT = 2;
/** `limit_remaining` of a descriptor without a limit: the highest uint32, as envoyproxy/ratelimit sends it. */
const UNLIMITED = 2 ** 32 - 1;

type DecidedVerdict = RateLimitVerdict & { kind: 'rate_limit' };

const writer = new WireWriter();
const headerTemplates = new HeaderTemplateCache(APPENDING_HEADERS, RESPONSE.responseHeadersToAdd);
const encodeSource = createSourceEncoder(RESPONSE.dynamicMetadata);

/**
 * Encodes a RateLimitResponse. Its code is OK or OVER_LIMIT, never UNKNOWN: Envoy lets every request pass whose code is
 * not OVER_LIMIT. The bytes are valid until the next call.
 */
export function encodeRateLimitResponse(verdict: DecidedVerdict, mode: LimitHeaderMode): Uint8Array {
  writer.beginMessage();
  const { deciding, source, overLimit, descriptors } = verdict;
  const encodedLimit = deciding && encodeLimit(deciding, source);
  if (hasExtraMetadata(verdict)) writeFullMetadata(verdict);
  else if (deciding === undefined || encodedLimit === undefined) writer.writeEncoded(encodeSource(source));
  else {
    writer.writeUntaggedDouble(deciding.remaining);
    writer.writeEncoded(encodedLimit.metadata);
  }
  if (mode === 'all' || (overLimit && mode === 'refused')) writeHeaders(verdict, encodedLimit);
  for (let index = descriptors.length - 1; index >= 0; index--) {
    const descriptor = descriptors[index];
    if (descriptor === undefined) continue; // never: the index is in range
    writeStatus(descriptor, descriptor.status === deciding ? encodedLimit : undefined, source);
  }
  writer.writeInteger(RESPONSE.overallCode, overLimit ? OVER_LIMIT : OK);
  return writer.finishMessage();
}

/** `decidingLimit` is the encoded form of `verdict.deciding`. */
function writeHeaders(verdict: DecidedVerdict, decidingLimit: EncodedLimit | undefined): void {
  const { deciding, limits } = verdict;
  if (deciding?.exceeded === false) {
    const templates = limits.length === 1 ? decidingLimit?.headers : headerTemplates.templatesFor(limits);
    if (templates !== undefined) {
      templates.write(writer, limits, deciding);
      return;
    }
  }
  writeLimitHeaders(writer, APPENDING_HEADERS, RESPONSE.responseHeadersToAdd, verdict);
}

/** Whether the metadata has more entries than the encoded limit or the encoded source has. */
function hasExtraMetadata({ receipt, candidates, metadata }: DecidedVerdict): boolean {
  return receipt !== undefined || candidates.length > 0 || metadata.length > 0;
}

function writeFullMetadata({ deciding, source, receipt, candidates, metadata }: DecidedVerdict): void {
  const entries: (readonly [key: string, value: MetadataValue])[] =
    deciding === undefined ? [['source', source]] : [...limitMetadata(deciding, source)];
  if (receipt !== undefined) entries.push(['receipt', receipt]);
  const denyingRules = candidates.filter(({ verdict }) => verdict === 'would_deny').map(({ rule }) => rule);
  if (denyingRules.length > 0) entries.push(['would_deny', denyingRules.join(', ')]);
  if (metadata.length > 0) entries.push(['metadata', mergeMetadata(metadata)]);
  writeMetadata(writer, RESPONSE.dynamicMetadata, entries);
}

/** Writes a DescriptorStatus. `encodedLimit` is that of the descriptor's limit, if the caller has it already. */
function writeStatus(
  { overLimit, status, isUnlimited }: DescriptorVerdict,
  encodedLimit: EncodedLimit | undefined,
  source: string,
): void {
  const begun = writer.beginNested();
  if (isUnlimited === true) writer.writeInteger(STATUS.limitRemaining, UNLIMITED);
  if (status !== undefined) {
    // Envoy derives a retry-after from the duration. There must be none if the same request will never fit.
    if (!status.exceeded || status.retryAfterSeconds !== undefined) {
      const duration = writer.beginNested();
      writer.writeInteger(DURATION.seconds, status.resetSeconds);
      writer.endNested(STATUS.durationUntilReset, duration);
    }
    writer.writeInteger(STATUS.limitRemaining, status.remaining);
    writer.writeEncoded((encodedLimit ?? encodeLimit(status, source)).currentLimit);
  }
  writer.writeInteger(STATUS.code, overLimit ? OVER_LIMIT : OK);
  writer.endNested(RESPONSE.statuses, begun);
}
