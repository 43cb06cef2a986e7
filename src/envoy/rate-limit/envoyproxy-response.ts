import type { DescriptorVerdict } from '../../decide/rate-limit/rate-limit-verdict.ts';
import { formatDuration } from '../../domain/limits/duration.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { advertisedQuota, isTimed, type LimitStatus } from '../../domain/limits/limit-status.ts';
import { APPENDING_HEADERS, encodeHeaderName } from '../headers/header-writer.ts';
import { encodeToBytes, WireWriter } from '../wire/wire-writer.ts';
import { writeCurrentLimit } from './encoded-limit-cache.ts';
import {
  CODE,
  type DecidedVerdict,
  RESPONSE,
  STATUS,
  writeDurationUntilReset,
  writeFullMetadata,
} from './rate-limit-response.ts';

/** How answers look where Weir stands in for envoyproxy/ratelimit. */
export interface EnvoyproxyAnswers {
  /** The headers for clients, as `encodeHeaderName` encodes their names. undefined: there are none. */
  readonly headers: EnvoyproxyHeaders | undefined;
  /** Whether each answer has dynamic metadata. The fields are Weir's. */
  readonly hasMetadata: boolean;
}

export interface EnvoyproxyHeaders {
  readonly limit: Uint8Array;
  readonly remaining: Uint8Array;
  readonly reset: Uint8Array;
}

/** `limit_remaining` of an unlimited descriptor. */
const UNLIMITED = 2 ** 32 - 1;

const writer = new WireWriter();

/** By identity: many rules may share one limit object, and a changed limit is another object. */
const currentLimits = new WeakMap<CountedLimit, Uint8Array>();

export function encodeHeaderNames(names: Readonly<Record<keyof EnvoyproxyHeaders, string>>): EnvoyproxyHeaders {
  const { limit, remaining, reset } = names;
  return {
    limit: encodeHeaderName(limit),
    remaining: encodeHeaderName(remaining),
    reset: encodeHeaderName(reset),
  };
}

/**
 * Encodes a RateLimitResponse as envoyproxy/ratelimit does (src/service/ratelimit.go, src/limiter/base_limiter.go). The
 * bytes are valid until the next call. `now` is Unix time in ms.
 */
export function encodeEnvoyproxyResponse(
  verdict: DecidedVerdict,
  { headers, hasMetadata }: EnvoyproxyAnswers,
  now: number,
): Uint8Array {
  const { descriptors, overLimit } = verdict;
  writer.beginMessage();
  // A receipt is nowhere else.
  if (hasMetadata || verdict.receipt !== undefined) writeFullMetadata(writer, verdict);
  if (headers !== undefined) writeHeaders(findTightest(descriptors), headers, now);
  for (let index = descriptors.length - 1; index >= 0; index--) {
    const descriptor = descriptors[index];
    if (descriptor !== undefined) writeStatus(descriptor, now);
  }
  writer.writeInteger(RESPONSE.overallCode, overLimit ? CODE.overLimit : CODE.ok);
  return writer.finishMessage();
}

/** Finds the last limit that rejects by itself; if none does, the first of those with the fewest remaining requests. */
function findTightest(descriptors: readonly DescriptorVerdict[]): LimitStatus | undefined {
  let tightest: LimitStatus | undefined;
  let fewest = UNLIMITED;
  for (const { status, overLimit, mode } of descriptors) {
    if (status === undefined) continue;
    if ((overLimit && mode === undefined) || countRemaining(status) < fewest) {
      tightest = status;
      fewest = countRemaining(status);
    }
  }
  return tightest;
}

function writeHeaders(tightest: LimitStatus | undefined, names: EnvoyproxyHeaders, now: number): void {
  if (tightest === undefined) return;
  writeHeader(names.reset, computeReset(tightest, now));
  writeHeader(names.remaining, countRemaining(tightest));
  writeHeader(names.limit, advertisedQuota(tightest.limit).requests);
}

function writeHeader(name: Uint8Array, value: number): void {
  const begun = APPENDING_HEADERS.beginHeader(writer);
  writer.writeDigitsPart(value);
  APPENDING_HEADERS.endHeader(writer, RESPONSE.responseHeadersToAdd, name, begun);
}

function writeStatus({ overLimit, status, isUnlimited }: DescriptorVerdict, now: number): void {
  const begun = writer.beginNested();
  if (isUnlimited === true) writer.writeInteger(STATUS.limitRemaining, UNLIMITED);
  if (status !== undefined) {
    if (isTimed(status.limit)) writeDurationUntilReset(writer, computeReset(status, now));
    writer.writeInteger(STATUS.limitRemaining, Math.min(countRemaining(status), UNLIMITED));
    writer.writeEncoded(encodeCurrentLimit(status.limit));
  }
  writer.writeInteger(STATUS.code, overLimit ? CODE.overLimit : CODE.ok);
  writer.endNested(RESPONSE.statuses, begun);
}

function countRemaining({ exceeded, remaining }: LimitStatus): number {
  return exceeded ? 0 : remaining;
}

/** Seconds to the end of a fixed window, whether it is used or not. */
function computeReset({ limit, resetSeconds }: LimitStatus, now: number): number {
  if (limit.algorithm !== 'fixed_window') return resetSeconds;
  return limit.windowSeconds - (Math.floor(now / 1000) % limit.windowSeconds);
}

function encodeCurrentLimit(limit: CountedLimit): Uint8Array {
  let encoded = currentLimits.get(limit);
  if (encoded === undefined) {
    const name = hasOwnName(limit) ? limit.name : '';
    encoded = encodeToBytes((into) => writeCurrentLimit(into, limit, name));
    currentLimits.set(limit, encoded);
  }
  return encoded;
}

/** Whether a file names the limit. Otherwise it is named after its window. */
function hasOwnName(limit: CountedLimit): boolean {
  return !('windowSeconds' in limit) || limit.name !== formatDuration(limit.windowSeconds);
}
