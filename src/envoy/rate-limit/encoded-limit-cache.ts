import { advertisedQuota, type LimitStatus } from '../../domain/limit-status.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { HeaderTemplates } from '../headers/header-template-cache.ts';
import { ADDED, encodedBy } from '../headers/header-writer.ts';
import { writeMetadata } from '../wire/dynamic-metadata.ts';
import { DOUBLE_BYTES } from '../wire/wire-writer.ts';

// Field numbers of envoy.service.ratelimit.v3 (proto/envoy/service/ratelimit/v3).
const RESPONSE = { responseHeadersToAdd: 3, dynamicMetadata: 6 };
const STATUS = { currentLimit: 2 };
const RATE_LIMIT = { requestsPerUnit: 1, unit: 2, name: 3 };

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

/** What answers of the rate limit service tell of a rule's limit in the same bytes each time. */
export interface EncodedLimit {
  /** Who decided when it was encoded. */
  readonly source: string;
  /** The field `current_limit` of a DescriptorStatus. */
  readonly currentLimit: Uint8Array;
  /** The field `dynamic_metadata` up to its end, which is what remains as a double. */
  readonly metadata: Uint8Array;
  /** The fields `response_headers_to_add`, which do not name the rule. */
  readonly headers: HeaderTemplates;
}

interface ToldLimits {
  readonly headers: HeaderTemplates;
  readonly byLabel: Map<string, EncodedLimit>;
}

/** Many rules may have one limit; a changed one is another object. */
const told = new WeakMap<CountedLimit, ToldLimits>();
/** At half a KB each; were there more, and all of them asked for, each would be encoded anew now and then. */
const MOST_LABELS = 20_000;

export function encodedLimit(status: LimitStatus, source: string): EncodedLimit {
  const { limit, label } = status;
  let limits = told.get(limit);
  if (limits === undefined) {
    limits = { headers: new HeaderTemplates(ADDED, RESPONSE.responseHeadersToAdd), byLabel: new Map() };
    told.set(limit, limits);
  }
  const { headers, byLabel } = limits;
  const known = byLabel.get(label);
  if (known !== undefined && known.source === source) return known;
  if (byLabel.size >= MOST_LABELS) byLabel.clear();
  const encoded = { source, currentLimit: currentLimitOf(status), metadata: metadataOf(status, source), headers };
  byLabel.set(label, encoded);
  return encoded;
}

function currentLimitOf({ limit, label }: LimitStatus): Uint8Array {
  return encodedBy((into) => {
    const { requests, windowSeconds } = advertisedQuota(limit);
    into.text(RATE_LIMIT.name, label);
    into.number(RATE_LIMIT.unit, UNITS.get(windowSeconds) ?? UNKNOWN);
    into.number(RATE_LIMIT.requestsPerUnit, requests);
    into.nested(STATUS.currentLimit, 0);
  });
}

function metadataOf(status: LimitStatus, source: string): Uint8Array {
  const whole = encodedBy((into) => writeMetadata(into, RESPONSE.dynamicMetadata, metadataEntries(status, source)));
  return whole.subarray(0, -DOUBLE_BYTES);
}

/** What is told of the deciding limit, `remaining` first. */
export function metadataEntries({ remaining, limit, rule }: LimitStatus, source: string) {
  return [
    ['remaining', remaining],
    ['limit', limit.name],
    ['rule', rule],
    ['source', source],
  ] as const;
}
