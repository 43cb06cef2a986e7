import type { LimitStatus } from '../core/verdict.ts';
import type { DescriptorVerdict, RateLimitVerdict } from '../decide/rate-limit.ts';
import {
  RateLimitResponse_Code as Code,
  type RateLimitResponse_DescriptorStatus as DescriptorStatus,
  RateLimitResponse,
  RateLimitResponse_RateLimit_Unit as Unit,
} from '../generated/envoy/service/ratelimit/v3/rls.ts';

const UNITS = new Map<number, Unit>([
  [1, Unit.SECOND],
  [60, Unit.MINUTE],
  [3600, Unit.HOUR],
  [86_400, Unit.DAY],
  [604_800, Unit.WEEK],
]);

/** Any code but OVER_LIMIT lets the request pass, and UNKNOWN is never said. */
export function encodeRateLimitResponse(verdict: RateLimitVerdict & { kind: 'rate_limit' }): Uint8Array {
  const response = RateLimitResponse.fromPartial({
    overallCode: verdict.overLimit ? Code.OVER_LIMIT : Code.OK,
    statuses: verdict.descriptors.map(descriptorStatus),
  });
  return RateLimitResponse.encode(response).finish();
}

function descriptorStatus({ overLimit, status }: DescriptorVerdict): DescriptorStatus {
  return {
    code: overLimit ? Code.OVER_LIMIT : Code.OK,
    currentLimit: status && currentLimit(status),
    limitRemaining: status?.remaining ?? 0,
    durationUntilReset: status && { seconds: status.resetSeconds, nanos: 0 },
  };
}

function currentLimit({ label, limit }: LimitStatus) {
  return { name: label, requestsPerUnit: limit.requests, unit: UNITS.get(limit.windowSeconds) ?? Unit.UNKNOWN };
}
