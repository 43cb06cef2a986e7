import type { DescriptorVerdict, RateLimitVerdict } from '../../decide/rate-limit/rate-limit-verdict.ts';
import { type MetadataValue, mergeMetadata } from '../../domain/metadata.ts';
import { ListedHeaderTemplates } from '../headers/header-template-cache.ts';
import { ADDED } from '../headers/header-writer.ts';
import { type RateLimitHeaders, writeRateLimitHeaders } from '../headers/limit-headers.ts';
import { sourceMetadata, writeMetadata } from '../wire/dynamic-metadata.ts';
import { WireWriter } from '../wire/wire-writer.ts';
import { type EncodedLimit, encodedLimit, metadataEntries } from './encoded-limit-cache.ts';

// Field and enum numbers of envoy.service.ratelimit.v3 (proto/envoy/service/ratelimit/v3).
const RESPONSE = { overallCode: 1, statuses: 2, responseHeadersToAdd: 3, dynamicMetadata: 6 };
const STATUS = { code: 1, limitRemaining: 3, durationUntilReset: 4 };
const DURATION = { seconds: 1 };
const OK = 1;
const OVER_LIMIT = 2;
/** What remains where nothing limits, as envoyproxy/ratelimit tells it: all bits of a uint32. */
const UNLIMITED = 2 ** 32 - 1;

type Judged = RateLimitVerdict & { kind: 'rate_limit' };

const writer = new WireWriter();
const headerTemplates = new ListedHeaderTemplates(ADDED, RESPONSE.responseHeadersToAdd);
const encodedSource = sourceMetadata(RESPONSE.dynamicMetadata);

/**
 * Any code but OVER_LIMIT lets the request pass, and UNKNOWN is never said. The bytes are valid until the next call.
 */
export function encodeRateLimitResponse(verdict: Judged, headers: RateLimitHeaders): Uint8Array {
  writer.begin();
  const { deciding, source, overLimit, descriptors } = verdict;
  const told = deciding && encodedLimit(deciding, source);
  if (hasMore(verdict)) writeWholeMetadata(verdict);
  else if (deciding === undefined || told === undefined) writer.encoded(encodedSource(source));
  else {
    writer.doubleValue(deciding.remaining);
    writer.encoded(told.metadata);
  }
  if (headers === 'all' || (overLimit && headers === 'refused')) writeHeaders(verdict, told);
  for (let index = descriptors.length - 1; index >= 0; index--) {
    const descriptor = descriptors[index];
    if (descriptor !== undefined) writeStatus(descriptor, descriptor.status === deciding ? told : undefined, source);
  }
  writer.number(RESPONSE.overallCode, overLimit ? OVER_LIMIT : OK);
  return writer.finish();
}

function writeHeaders(verdict: Judged, told: EncodedLimit | undefined): void {
  const { deciding, limits } = verdict;
  if (deciding?.exceeded === false) {
    const templates = limits.length === 1 ? told?.headers : headerTemplates.of(limits);
    if (templates !== undefined) {
      templates.write(writer, limits, deciding);
      return;
    }
  }
  writeRateLimitHeaders(writer, ADDED, RESPONSE.responseHeadersToAdd, verdict);
}

/** Whether its metadata is more than what is encoded already. */
function hasMore({ receipt, candidates, metadata }: Judged): boolean {
  return receipt !== undefined || candidates.length > 0 || metadata.length > 0;
}

function writeWholeMetadata({ deciding, source, receipt, candidates, metadata }: Judged): void {
  const told: (readonly [key: string, value: MetadataValue])[] =
    deciding === undefined ? [['source', source]] : [...metadataEntries(deciding, source)];
  if (receipt !== undefined) told.push(['receipt', receipt]);
  const denying = candidates.filter(({ verdict }) => verdict === 'would_deny').map(({ rule }) => rule);
  if (denying.length > 0) told.push(['would_deny', denying.join(', ')]);
  if (metadata.length > 0) told.push(['metadata', mergeMetadata(metadata)]);
  writeMetadata(writer, RESPONSE.dynamicMetadata, told);
}

/** `told` of its limit, if that is known already. */
function writeStatus(
  { overLimit, status, isUnlimited }: DescriptorVerdict,
  told: EncodedLimit | undefined,
  source: string,
): void {
  const end = writer.end();
  if (isUnlimited === true) writer.number(STATUS.limitRemaining, UNLIMITED);
  if (status !== undefined) {
    // Envoy makes a retry-after of it, which must not be promised where the same request will never fit.
    if (!status.exceeded || status.retryAfterSeconds !== undefined) {
      const durationEnd = writer.end();
      writer.number(DURATION.seconds, status.resetSeconds);
      writer.nested(STATUS.durationUntilReset, durationEnd);
    }
    writer.number(STATUS.limitRemaining, status.remaining);
    writer.encoded((told ?? encodedLimit(status, source)).currentLimit);
  }
  writer.number(STATUS.code, overLimit ? OVER_LIMIT : OK);
  writer.nested(RESPONSE.statuses, end);
}
