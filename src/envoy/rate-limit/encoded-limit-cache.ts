import { BoundedMap } from '../../collections/bounded-map.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { advertisedQuota, type LimitStatus } from '../../domain/limits/limit-status.ts';
import { HeaderTemplateSet } from '../headers/header-template-set.ts';
import { APPENDING_HEADERS } from '../headers/header-writer.ts';
import { writeMetadata } from '../wire/dynamic-metadata.ts';
import { DOUBLE_BYTES, encodeToBytes, type WireWriter } from '../wire/wire-writer.ts';
import { toUnitWindow } from './rate-limit-unit.ts';

// Field and enum numbers of envoy.service.ratelimit.v3 (proto/envoy/service/ratelimit/v3).
const RESPONSE = { responseHeadersToAdd: 3, dynamicMetadata: 6 };
const STATUS = { currentLimit: 2 };
const RATE_LIMIT = { requestsPerUnit: 1, unit: 2, name: 3, unitMultiplier: 4 };
const UINT32_VALUE = { value: 1 };

/** The parts of a RateLimitResponse that are the same bytes each time a limit is reported under one label. */
export interface EncodedLimit {
  /** The source that is in `metadata`. */
  readonly source: string;
  /** The field `current_limit` of a DescriptorStatus. */
  readonly currentLimit: Uint8Array;
  /** The field `dynamic_metadata` without its last bytes, which are the double `remaining`. */
  readonly metadata: Uint8Array;
  /** The fields `response_headers_to_add`. They do not name the rule, so all labels of a limit share them. */
  readonly headers: HeaderTemplateSet;
}

interface CachedLimit {
  readonly headers: HeaderTemplateSet;
  readonly byLabel: BoundedMap<string, EncodedLimit>;
}

/** By identity: many rules may share one limit object, and a changed limit is another object. */
const cachedLimits = new WeakMap<CountedLimit, CachedLimit>();

/** For each limit, at half a KB each. Beyond that the limit's labels are dropped and encoded again when they recur. */
const MAX_LABELS = 20_000;

/** Encodes the parts that depend only on limit, label and source, or returns the cached ones. */
export function encodeLimit(status: LimitStatus, source: string): EncodedLimit {
  const { limit, label } = status;
  let cachedLimit = cachedLimits.get(limit);
  if (cachedLimit === undefined) {
    const headers = new HeaderTemplateSet(APPENDING_HEADERS, RESPONSE.responseHeadersToAdd);
    cachedLimit = { headers, byLabel: new BoundedMap(MAX_LABELS, 'clear') };
    cachedLimits.set(limit, cachedLimit);
  }
  const { headers, byLabel } = cachedLimit;
  const cached = byLabel.get(label);
  if (cached !== undefined && cached.source === source) return cached;
  const encoded = {
    source,
    currentLimit: encodeCurrentLimit(status),
    metadata: encodeMetadata(status, source),
    headers,
  };
  byLabel.set(label, encoded);
  return encoded;
}

function encodeCurrentLimit({ limit, label }: LimitStatus): Uint8Array {
  return encodeToBytes((into) => writeCurrentLimit(into, limit, label));
}

/** Writes the field `current_limit` of a DescriptorStatus. An empty name is left out. */
export function writeCurrentLimit(into: WireWriter, limit: CountedLimit, name: string): void {
  const begun = into.beginNested();
  const { requests, windowSeconds } = advertisedQuota(limit);
  const { unit, multiplier } = toUnitWindow(windowSeconds);
  if (multiplier > 1) {
    const wrapper = into.beginNested();
    into.writeInteger(UINT32_VALUE.value, multiplier);
    into.endNested(RATE_LIMIT.unitMultiplier, wrapper);
  }
  if (name !== '') into.writeString(RATE_LIMIT.name, name);
  into.writeInteger(RATE_LIMIT.unit, unit);
  into.writeInteger(RATE_LIMIT.requestsPerUnit, requests);
  into.endNested(STATUS.currentLimit, begun);
}

function encodeMetadata(status: LimitStatus, source: string): Uint8Array {
  const entries = limitMetadata(status, source);
  const field = encodeToBytes((into) => writeMetadata(into, RESPONSE.dynamicMetadata, entries));
  return field.subarray(0, -DOUBLE_BYTES);
}

/**
 * Lists the metadata entries of the limit that decided. `remaining` comes first, so that its double ends the encoded
 * field.
 */
export function limitMetadata({ remaining, limit, rule }: LimitStatus, source: string) {
  return [
    ['remaining', remaining],
    ['limit', limit.name],
    ['rule', rule],
    ['source', source],
  ] as const;
}
