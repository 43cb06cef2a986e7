import { quotaOf } from '../core/verdict.ts';
import type { DescriptorVerdict, RateLimitVerdict } from '../decide/rate-limit.ts';
import { writeMetadata } from './dynamic-metadata.ts';
import { WireWriter } from './wire-writer.ts';

// Field and enum numbers of envoy.service.ratelimit.v3 (proto/envoy/service/ratelimit/v3).
const RESPONSE = { overallCode: 1, statuses: 2, dynamicMetadata: 6 };
const STATUS = { code: 1, currentLimit: 2, limitRemaining: 3, durationUntilReset: 4 };
const RATE_LIMIT = { requestsPerUnit: 1, unit: 2, name: 3 };
const DURATION = { seconds: 1 };
const OK = 1;
const OVER_LIMIT = 2;

/** RateLimit.Unit by seconds, as envoyproxy/ratelimit means it; any other window, or none, is UNKNOWN. */
const UNITS = new Map<number | undefined, number>([
  [1, 1],
  [60, 2],
  [3600, 3],
  [86_400, 4],
  [30 * 86_400, 5],
  [365 * 86_400, 6],
  [604_800, 7],
]);
const UNKNOWN = 0;

const writer = new WireWriter();
const sourceWriter = new WireWriter();
/** By source: the field `dynamic_metadata`. */
const encodedSources = new Map<string, Uint8Array>();

/**
 * Any code but OVER_LIMIT lets the request pass, and UNKNOWN is never said. The bytes are valid until the next call.
 */
export function encodeRateLimitResponse(verdict: RateLimitVerdict & { kind: 'rate_limit' }): Uint8Array {
  writer.begin();
  const { receipt, source } = verdict;
  if (receipt === undefined) writer.encoded(encodedSource(source));
  else
    writeMetadata(writer, RESPONSE.dynamicMetadata, [
      ['source', source],
      ['receipt', receipt],
    ]);
  for (let index = verdict.descriptors.length - 1; index >= 0; index--) {
    const descriptor = verdict.descriptors[index];
    if (descriptor !== undefined) writeStatus(descriptor);
  }
  writer.number(RESPONSE.overallCode, verdict.overLimit ? OVER_LIMIT : OK);
  return writer.finish();
}

function encodedSource(source: string): Uint8Array {
  let encoded = encodedSources.get(source);
  if (encoded === undefined) {
    sourceWriter.begin();
    writeMetadata(sourceWriter, RESPONSE.dynamicMetadata, [['source', source]]);
    encoded = Uint8Array.from(sourceWriter.finish());
    encodedSources.set(source, encoded);
  }
  return encoded;
}

function writeStatus({ overLimit, status }: DescriptorVerdict): void {
  const end = writer.end();
  if (status !== undefined) {
    // Envoy makes a retry-after of it, which must not be promised where the same request will never fit.
    if (!status.exceeded || status.retryAfterSeconds !== undefined) {
      const durationEnd = writer.end();
      writer.number(DURATION.seconds, status.resetSeconds);
      writer.nested(STATUS.durationUntilReset, durationEnd);
    }
    writer.number(STATUS.limitRemaining, status.remaining);
    const limitEnd = writer.end();
    writer.text(RATE_LIMIT.name, status.label);
    const { requests, windowSeconds } = quotaOf(status.limit);
    writer.number(RATE_LIMIT.unit, UNITS.get(windowSeconds) ?? UNKNOWN);
    writer.number(RATE_LIMIT.requestsPerUnit, requests);
    writer.nested(STATUS.currentLimit, limitEnd);
  }
  writer.number(STATUS.code, overLimit ? OVER_LIMIT : OK);
  writer.nested(RESPONSE.statuses, end);
}
