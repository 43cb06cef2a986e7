import type { LimitStatus } from '../core/verdict.ts';
import type { DescriptorVerdict, RateLimitVerdict } from '../decide/rate-limit-verdict.ts';
import { writeMetadata } from './dynamic-metadata.ts';
import { ADDED, encodedBy } from './header-options.ts';
import { type RateLimitHeaders, writeRateLimitHeaders } from './rate-limit-headers.ts';
import { metadataEntries, type ToldLimit, toldLimit } from './told-limit.ts';
import { WireWriter } from './wire-writer.ts';

// Field and enum numbers of envoy.service.ratelimit.v3 (proto/envoy/service/ratelimit/v3).
const RESPONSE = { overallCode: 1, statuses: 2, responseHeadersToAdd: 3, dynamicMetadata: 6 };
const STATUS = { code: 1, limitRemaining: 3, durationUntilReset: 4 };
const DURATION = { seconds: 1 };
const OK = 1;
const OVER_LIMIT = 2;
/** What remains where nothing limits, as envoyproxy/ratelimit tells it: all bits of a uint32. */
const UNLIMITED = 2 ** 32 - 1;

const writer = new WireWriter();
/** By source: the field `dynamic_metadata`. */
const encodedSources = new Map<string, Uint8Array>();

/**
 * Any code but OVER_LIMIT lets the request pass, and UNKNOWN is never said. The bytes are valid until the next call.
 */
export function encodeRateLimitResponse(
  verdict: RateLimitVerdict & { kind: 'rate_limit' },
  headers: RateLimitHeaders,
): Uint8Array {
  writer.begin();
  const { deciding, source, overLimit, descriptors } = verdict;
  const told = deciding && toldLimit(deciding, source);
  if (verdict.receipt !== undefined) writeReceiptMetadata(verdict.receipt, deciding, source);
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

function writeHeaders(verdict: RateLimitVerdict & { kind: 'rate_limit' }, told: ToldLimit | undefined): void {
  const { deciding, limits } = verdict;
  if (told !== undefined && deciding?.exceeded === false && limits.length === 1) told.headers.write(writer, deciding);
  else writeRateLimitHeaders(writer, ADDED, RESPONSE.responseHeadersToAdd, verdict);
}

/** A receipt is another each time. */
function writeReceiptMetadata(receipt: string, deciding: LimitStatus | undefined, source: string): void {
  const told = deciding === undefined ? [['source', source] as const] : metadataEntries(deciding, source);
  writeMetadata(writer, RESPONSE.dynamicMetadata, [...told, ['receipt', receipt]]);
}

function encodedSource(source: string): Uint8Array {
  let encoded = encodedSources.get(source);
  if (encoded === undefined) {
    encoded = encodedBy((into) => writeMetadata(into, RESPONSE.dynamicMetadata, [['source', source]]));
    encodedSources.set(source, encoded);
  }
  return encoded;
}

/** `told` of its limit, if that is known already. */
function writeStatus(
  { overLimit, status, isUnlimited }: DescriptorVerdict,
  told: ToldLimit | undefined,
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
    writer.encoded((told ?? toldLimit(status, source)).currentLimit);
  }
  writer.number(STATUS.code, overLimit ? OVER_LIMIT : OK);
  writer.nested(RESPONSE.statuses, end);
}
