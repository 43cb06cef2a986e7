import { isPlanIdentity, type RateLimitQuestion } from '../../decide/rate-limit/prepare-rate-limit.ts';
import type { Descriptor, DescriptorEntry } from '../../domain/descriptor.ts';
import { MAX_DURATION_SECONDS } from '../../domain/limits/duration.ts';
import type { LimitOverride } from '../../domain/limits/limit-override.ts';
import { PLANS_DOMAIN } from '../../domain/rules/reserved-domains.ts';
import { decodeMessage, InvalidRequest } from '../wire/decode-message.ts';
import { LENGTH_DELIMITED, VARINT, type WireReader } from '../wire/wire-reader.ts';
import { OVERRIDE_UNITS } from './rate-limit-unit.ts';

const MESSAGE_TYPE = 'envoy.service.ratelimit.v3.RateLimitRequest';

// Field numbers of envoy.service.ratelimit.v3 and envoy.extensions.common.ratelimit.v3 (proto/envoy).
const RATE_LIMIT_REQUEST = { domain: 1, descriptors: 2, hitsAddend: 3 };
const DESCRIPTOR = { entries: 1, limit: 2, hitsAddend: 3, isNegativeHits: 4 };
const OVERRIDE = { requestsPerUnit: 1, unit: 2, unitMultiplier: 3 };
const ENTRY = { key: 1, value: 2 };
/** Of google.protobuf.UInt32Value and UInt64Value. */
const WRAPPER = { value: 1 };

/** All descriptors of a request are decided together. More of them would delay every other caller. */
export const MAX_DESCRIPTORS = 64;
/** Twice the depth to which rules can be nested. No rule can match a longer descriptor. */
export const MAX_ENTRIES = 64;
/** More hits than any grant can hold: refunds all of them. */
const ALL_HITS = Number.MAX_SAFE_INTEGER;

interface DecodedRequest {
  readonly domain: string;
  readonly descriptors: readonly DecodedDescriptor[];
  /** 0: absent. */
  readonly hitsAddend: number;
}

/** A descriptor as it was sent, before defaults apply. */
interface DecodedDescriptor {
  readonly entries: DescriptorEntry[];
  limit: DecodedOverride | undefined;
  /** undefined: those of the request apply. */
  hits: number | undefined;
  isRefund: boolean;
}

interface DecodedOverride {
  requests: number;
  /** Number of an envoy.type.v3.RateLimitUnit. */
  unit: number;
  /** 0: absent. */
  unitMultiplier: number;
}

/**
 * Decodes a RateLimitRequest. Throws InvalidRequest, naming the field, for one that Weir does not accept, and for bytes
 * that are not such a message.
 */
export function decodeRateLimitRequest(message: Uint8Array): RateLimitQuestion {
  const request = decodeMessage(MESSAGE_TYPE, message, readRateLimitRequest);
  const { domain, descriptors } = request;
  if (domain === '') throw new InvalidRequest('domain: must not be empty');
  if (descriptors.length === 0) throw new InvalidRequest('descriptors: must have at least one item (got none)');
  return {
    domain,
    descriptors: descriptors.map((descriptor, index): Descriptor => {
      const { entries, isRefund } = descriptor;
      if (entries.length === 0) {
        throw new InvalidRequest(`descriptors[${index}].entries: must have at least one item (got none)`);
      }
      const limitOverride = descriptor.limit && convertOverride(domain, descriptor, descriptor.limit, index);
      return { entries, limitOverride, hits: effectiveHits(request, descriptor), isRefund };
    }),
  };
}

function effectiveHits({ hitsAddend }: DecodedRequest, { hits, isRefund }: DecodedDescriptor): number {
  return hits ?? (hitsAddend || (isRefund ? ALL_HITS : 1));
}

function convertOverride(
  domain: string,
  { entries }: DecodedDescriptor,
  limit: DecodedOverride,
  index: number,
): LimitOverride {
  const field = `descriptors[${index}].limit`;
  const windowSeconds = readWindow(limit, field);
  if (domain === PLANS_DOMAIN && entries.some(isPlanIdentity)) {
    throw new InvalidRequest(`${field}: must be absent where api_key or account is: their plan sets the limits`);
  }
  return { requests: limit.requests, windowSeconds };
}

function readWindow({ unit, unitMultiplier }: DecodedOverride, field: string): number {
  const found = OVERRIDE_UNITS[unit];
  if (found === undefined) {
    const units = 'SECOND, MINUTE, HOUR, DAY, MONTH, YEAR';
    throw new InvalidRequest(`${field}.unit: must be one of ${units} (got ${unit === 0 ? 'UNKNOWN' : unit})`);
  }
  const { name, seconds } = found;
  const max = Math.floor(MAX_DURATION_SECONDS / seconds);
  if (unitMultiplier > max) {
    throw new InvalidRequest(
      `${field}.unit_multiplier: must be at most ${max} for the unit ${name}, as windows are at most 3650 days ` +
        `(got ${unitMultiplier})`,
    );
  }
  return seconds * Math.max(1, unitMultiplier);
}

function readRateLimitRequest(reader: WireReader): DecodedRequest {
  let domain = '';
  let hitsAddend = 0;
  const descriptors: DecodedDescriptor[] = [];
  while (reader.nextField()) {
    if (reader.isField(RATE_LIMIT_REQUEST.domain, LENGTH_DELIMITED)) domain = reader.readString();
    else if (reader.isField(RATE_LIMIT_REQUEST.descriptors, LENGTH_DELIMITED)) {
      // Checked before reading: rejecting a million descriptors must not cost as much as deciding them.
      if (descriptors.length === MAX_DESCRIPTORS) {
        throw new InvalidRequest(`descriptors: must have at most ${MAX_DESCRIPTORS} items (got more)`);
      }
      descriptors.push(readDescriptor(reader, descriptors.length));
    } else if (reader.isField(RATE_LIMIT_REQUEST.hitsAddend, VARINT)) hitsAddend = reader.readVarint32();
    else reader.skipField();
  }
  return { domain, descriptors, hitsAddend };
}

function readDescriptor(reader: WireReader, index: number): DecodedDescriptor {
  const outerEnd = reader.enterMessage();
  const descriptor: DecodedDescriptor = { entries: [], limit: undefined, hits: undefined, isRefund: false };
  while (reader.nextField()) {
    if (reader.isField(DESCRIPTOR.entries, LENGTH_DELIMITED)) {
      if (descriptor.entries.length === MAX_ENTRIES) {
        throw new InvalidRequest(`descriptors[${index}].entries: must have at most ${MAX_ENTRIES} items (got more)`);
      }
      descriptor.entries.push(readEntry(reader));
    } else if (reader.isField(DESCRIPTOR.limit, LENGTH_DELIMITED)) descriptor.limit = readOverride(reader);
    else if (reader.isField(DESCRIPTOR.hitsAddend, LENGTH_DELIMITED)) descriptor.hits = readWrapper(reader);
    else if (reader.isField(DESCRIPTOR.isNegativeHits, VARINT)) descriptor.isRefund = reader.readVarint32() !== 0;
    else reader.skipField();
  }
  reader.leaveMessage(outerEnd);
  return descriptor;
}

function readEntry(reader: WireReader): DescriptorEntry {
  const outerEnd = reader.enterMessage();
  let key = '';
  let value = '';
  while (reader.nextField()) {
    if (reader.isField(ENTRY.key, LENGTH_DELIMITED)) key = reader.readString();
    else if (reader.isField(ENTRY.value, LENGTH_DELIMITED)) value = reader.readString();
    else reader.skipField();
  }
  reader.leaveMessage(outerEnd);
  return { key, value };
}

function readOverride(reader: WireReader): DecodedOverride {
  const outerEnd = reader.enterMessage();
  const override = { requests: 0, unit: 0, unitMultiplier: 0 };
  while (reader.nextField()) {
    if (reader.isField(OVERRIDE.requestsPerUnit, VARINT)) override.requests = reader.readVarint32();
    else if (reader.isField(OVERRIDE.unit, VARINT)) override.unit = reader.readVarint32();
    else if (reader.isField(OVERRIDE.unitMultiplier, LENGTH_DELIMITED)) override.unitMultiplier = readWrapper(reader);
    else reader.skipField();
  }
  reader.leaveMessage(outerEnd);
  return override;
}

/** Reads a google.protobuf.UInt32Value or UInt64Value. */
function readWrapper(reader: WireReader): number {
  const outerEnd = reader.enterMessage();
  let value = 0;
  while (reader.nextField()) {
    if (reader.isField(WRAPPER.value, VARINT)) value = reader.readVarint64();
    else reader.skipField();
  }
  reader.leaveMessage(outerEnd);
  return value;
}
