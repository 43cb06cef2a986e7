import { isIdentity, PLANS_DOMAIN, type RateLimitQuestion } from '../../decide/rate-limit/prepare-rate-limit.ts';
import type { Descriptor, Entry } from '../../domain/descriptor.ts';
import type { LimitOverride } from '../../domain/limits/limit-override.ts';
import { InvalidRequest, readOrRefuse } from '../wire/decode-message.ts';
import { LENGTH_DELIMITED, VARINT, type WireReader } from '../wire/wire-reader.ts';

// Field numbers of envoy.service.ratelimit.v3 and envoy.extensions.common.ratelimit.v3 (proto/envoy).
const RATE_LIMIT_REQUEST = { domain: 1, descriptors: 2, hitsAddend: 3 };
const DESCRIPTOR = { entries: 1, limit: 2, hitsAddend: 3, isNegativeHits: 4 };
const OVERRIDE = { requestsPerUnit: 1, unit: 2 };
const ENTRY = { key: 1, value: 2 };
const UINT64_VALUE = { value: 1 };

/** All of them are one decision, and a decision is not torn apart: more would hold up everybody else. */
const MOST_DESCRIPTORS = 64;
/** Twice as deep as rules may be nested: what no rule can be for need not be looked at. */
const MOST_ENTRIES = 64;
/** More than anybody was ever granted. */
const ALL_HITS = Number.MAX_SAFE_INTEGER;

/** A descriptor as it was sent: hits are undefined where the request's count. */
interface SentDescriptor {
  readonly entries: Entry[];
  limit: SentOverride | undefined;
  hits: number | undefined;
  isRefund: boolean;
}

interface SentOverride {
  requests: number;
  unit: number;
}

/** Seconds of the units of envoy.type.v3.RateLimitUnit by their numbers, as envoyproxy/ratelimit means them. */
const UNIT_SECONDS: readonly (number | undefined)[] = [undefined, 1, 60, 3600, 86_400, 30 * 86_400, 365 * 86_400];

/** Reads a RateLimitRequest. Throws InvalidRequest, naming the field, also on bytes that are no such message. */
export function decodeRateLimitRequest(message: Uint8Array): RateLimitQuestion {
  const name = 'envoy.service.ratelimit.v3.RateLimitRequest';
  const { domain, descriptors, hitsAddend } = readOrRefuse(name, message, readRateLimitRequest);
  if (domain === '') throw new InvalidRequest('domain: must not be empty');
  if (descriptors.length === 0) throw new InvalidRequest('descriptors: must be at least one');
  const hitsOf = ({ hits, isRefund }: SentDescriptor) => hits ?? (hitsAddend || (isRefund ? ALL_HITS : 1));
  return {
    domain,
    descriptors: descriptors.map((descriptor, index): Descriptor => {
      const { entries, isRefund } = descriptor;
      if (entries.length === 0) throw new InvalidRequest(`descriptors[${index}].entries: must be at least one`);
      const limit = descriptor.limit && overrideOf(domain, descriptor, descriptor.limit, index);
      return { entries, limit, hits: hitsOf(descriptor), isRefund };
    }),
  };
}

function overrideOf(
  domain: string,
  { entries }: SentDescriptor,
  { requests, unit }: SentOverride,
  index: number,
): LimitOverride {
  const windowSeconds = UNIT_SECONDS[unit];
  const field = `descriptors[${index}].limit`;
  if (windowSeconds === undefined) {
    throw new InvalidRequest(`${field}.unit: must be SECOND, MINUTE, HOUR, DAY, MONTH or YEAR`);
  }
  if (domain === PLANS_DOMAIN && entries.some(isIdentity)) {
    throw new InvalidRequest(`${field}: must be left out beside api_key and account, whose plans have the limits`);
  }
  return { requests, windowSeconds };
}

function readRateLimitRequest(reader: WireReader) {
  let domain = '';
  let hitsAddend = 0;
  const descriptors: SentDescriptor[] = [];
  while (reader.next()) {
    if (reader.is(RATE_LIMIT_REQUEST.domain, LENGTH_DELIMITED)) domain = reader.text();
    else if (reader.is(RATE_LIMIT_REQUEST.descriptors, LENGTH_DELIMITED)) {
      // Before they are read: refusing a million must not cost what answering them would.
      if (descriptors.length === MOST_DESCRIPTORS) {
        throw new InvalidRequest(`descriptors: must be at most ${MOST_DESCRIPTORS}`);
      }
      descriptors.push(readDescriptor(reader, descriptors.length));
    } else if (reader.is(RATE_LIMIT_REQUEST.hitsAddend, VARINT)) hitsAddend = reader.varint();
    else reader.skip();
  }
  return { domain, descriptors, hitsAddend };
}

function readDescriptor(reader: WireReader, index: number): SentDescriptor {
  const outerEnd = reader.enter();
  const descriptor: SentDescriptor = { entries: [], limit: undefined, hits: undefined, isRefund: false };
  while (reader.next()) {
    if (reader.is(DESCRIPTOR.entries, LENGTH_DELIMITED)) {
      if (descriptor.entries.length === MOST_ENTRIES) {
        throw new InvalidRequest(`descriptors[${index}].entries: must be at most ${MOST_ENTRIES}`);
      }
      descriptor.entries.push(readEntry(reader));
    } else if (reader.is(DESCRIPTOR.limit, LENGTH_DELIMITED)) descriptor.limit = readOverride(reader);
    else if (reader.is(DESCRIPTOR.hitsAddend, LENGTH_DELIMITED)) descriptor.hits = readWrappedUint64(reader);
    else if (reader.is(DESCRIPTOR.isNegativeHits, VARINT)) descriptor.isRefund = reader.varint() !== 0;
    else reader.skip();
  }
  reader.leave(outerEnd);
  return descriptor;
}

function readEntry(reader: WireReader): Entry {
  const outerEnd = reader.enter();
  let key = '';
  let value = '';
  while (reader.next()) {
    if (reader.is(ENTRY.key, LENGTH_DELIMITED)) key = reader.text();
    else if (reader.is(ENTRY.value, LENGTH_DELIMITED)) value = reader.text();
    else reader.skip();
  }
  reader.leave(outerEnd);
  return { key, value };
}

function readOverride(reader: WireReader): SentOverride {
  const outerEnd = reader.enter();
  const override = { requests: 0, unit: 0 };
  while (reader.next()) {
    if (reader.is(OVERRIDE.requestsPerUnit, VARINT)) override.requests = reader.varint();
    else if (reader.is(OVERRIDE.unit, VARINT)) override.unit = reader.varint();
    else reader.skip();
  }
  reader.leave(outerEnd);
  return override;
}

function readWrappedUint64(reader: WireReader): number {
  const outerEnd = reader.enter();
  let value = 0;
  while (reader.next()) {
    if (reader.is(UINT64_VALUE.value, VARINT)) value = reader.varint64();
    else reader.skip();
  }
  reader.leave(outerEnd);
  return value;
}
