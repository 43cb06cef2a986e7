import type { DescriptorVerdict, RateLimitVerdict } from '../../decide/rate-limit/rate-limit-verdict.ts';
import type { DenialCode } from '../../domain/denial.ts';
import { isOutOfCredits, isTimed } from '../../domain/limits/limit-status.ts';
import { type MetadataValue, mergeMetadata } from '../../domain/metadata.ts';
import { HeaderTemplateCache } from '../headers/header-template-cache.ts';
import { APPENDING_HEADERS } from '../headers/header-writer.ts';
import { type LimitHeaderMode, reportsGrants, writeLimitHeaders } from '../headers/limit-headers.ts';
import { createSourceEncoder, writeMetadata } from '../wire/dynamic-metadata.ts';
import { WireWriter } from '../wire/wire-writer.ts';
import { type EncodedLimit, encodeLimit, limitMetadata } from './encoded-limit-cache.ts';

// Field and enum numbers of envoy.service.ratelimit.v3 (proto/envoy/service/ratelimit/v3).
export const RESPONSE = { overallCode: 1, statuses: 2, responseHeadersToAdd: 3, dynamicMetadata: 6 };
export const STATUS = { code: 1, limitRemaining: 3, durationUntilReset: 4 };
const DURATION = { seconds: 1 };
export const CODE = { ok: 1, overLimit: 2 };
/** `limit_remaining` of a descriptor without a limit: the highest uint32, as envoyproxy/ratelimit sends it. */
const UNLIMITED = 2 ** 32 - 1;

export type DecidedVerdict = RateLimitVerdict & { kind: 'rate_limit' };

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
  if (hasExtraMetadata(verdict)) writeFullMetadata(writer, verdict);
  else if (deciding === undefined || encodedLimit === undefined) writer.writeEncoded(encodeSource(source));
  else {
    writer.writeUntaggedDouble(deciding.remaining);
    writer.writeEncoded(encodedLimit.metadata);
  }
  if (reportsGrants(mode) || (overLimit && mode === 'refused')) {
    writeHeaders(verdict, encodedLimit, mode === 'auto');
  }
  for (let index = descriptors.length - 1; index >= 0; index--) {
    const descriptor = descriptors[index];
    if (descriptor === undefined) continue; // never: the index is in range
    writeStatus(descriptor, descriptor.status === deciding ? encodedLimit : undefined, source);
  }
  writer.writeInteger(RESPONSE.overallCode, overLimit ? CODE.overLimit : CODE.ok);
  return writer.finishMessage();
}

/** `decidingLimit` is the encoded form of `verdict.deciding`. */
function writeHeaders(verdict: DecidedVerdict, decidingLimit: EncodedLimit | undefined, omitsOlder: boolean): void {
  const { deciding, limits, retryAfterSeconds } = verdict;
  if (deciding?.exceeded === false) {
    const templates = limits.length === 1 ? decidingLimit?.headers : headerTemplates.templatesFor(limits);
    if (templates !== undefined) {
      templates.write(writer, limits, deciding, omitsOlder);
      return;
    }
  }
  const reported = { limits, retryAfterSeconds, omitsOlder };
  writeLimitHeaders(writer, APPENDING_HEADERS, RESPONSE.responseHeadersToAdd, reported);
}

/** The reason that the limits do not tell; undefined: the request passes, or a retry may. */
function findRejectionCode({ overLimit, deciding, rejectionCode }: DecidedVerdict): DenialCode | undefined {
  if (!overLimit || deciding === undefined) return rejectionCode;
  if (deciding.costExceedsLimit === true) return 'cost_exceeds_limit';
  return isOutOfCredits(deciding) ? 'credits_exhausted' : undefined;
}

/** Whether the metadata has more entries than the encoded limit or the encoded source has. */
function hasExtraMetadata(verdict: DecidedVerdict): boolean {
  const { receipt, candidates, metadata, configurationFault } = verdict;
  if (findRejectionCode(verdict) !== undefined) return true;
  return receipt !== undefined || candidates.length > 0 || metadata.length > 0 || configurationFault !== undefined;
}

/** Writes the field `dynamic_metadata` with all of its entries. */
export function writeFullMetadata(into: WireWriter, verdict: DecidedVerdict): void {
  const { deciding, source, receipt, candidates, metadata, configurationFault } = verdict;
  const entries: (readonly [key: string, value: MetadataValue])[] =
    deciding === undefined ? [['source', source]] : [...limitMetadata(deciding, source)];
  const code = findRejectionCode(verdict);
  if (code !== undefined) entries.push(['code', code]);
  if (configurationFault !== undefined) entries.push(['descriptor_key', configurationFault.name]);
  if (receipt !== undefined) entries.push(['receipt', receipt]);
  const denyingRules = candidates.filter(({ verdict }) => verdict === 'would_deny').map(({ rule }) => rule);
  if (denyingRules.length > 0) entries.push(['would_deny', denyingRules.join(', ')]);
  if (metadata.length > 0) entries.push(['metadata', mergeMetadata(metadata)]);
  writeMetadata(into, RESPONSE.dynamicMetadata, entries);
}

/** Writes a DescriptorStatus. `encodedLimit` is that of the descriptor's limit, if the caller has it already. */
function writeStatus(
  { overLimit, status, isUnlimited, retryAfterSeconds }: DescriptorVerdict,
  encodedLimit: EncodedLimit | undefined,
  source: string,
): void {
  const begun = writer.beginNested();
  if (isUnlimited === true) writer.writeInteger(STATUS.limitRemaining, UNLIMITED);
  if (retryAfterSeconds !== undefined) writeDurationUntilReset(writer, retryAfterSeconds);
  if (status !== undefined) {
    // Envoy derives a retry-after from the duration. There must be none if the same request will never fit, or if only
    // an administrator can make it fit.
    if (isTimed(status.limit) && (!status.exceeded || status.retryAfterSeconds !== undefined)) {
      writeDurationUntilReset(writer, status.resetSeconds);
    }
    // Credits can be more than a uint32.
    writer.writeInteger(STATUS.limitRemaining, Math.min(status.remaining, UNLIMITED));
    writer.writeEncoded((encodedLimit ?? encodeLimit(status, source)).currentLimit);
  }
  writer.writeInteger(STATUS.code, overLimit ? CODE.overLimit : CODE.ok);
  writer.endNested(RESPONSE.statuses, begun);
}

/** Writes the field `duration_until_reset` of a DescriptorStatus. */
export function writeDurationUntilReset(into: WireWriter, seconds: number): void {
  const duration = into.beginNested();
  into.writeInteger(DURATION.seconds, seconds);
  into.endNested(STATUS.durationUntilReset, duration);
}
