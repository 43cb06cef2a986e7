import {
  RateLimitResponse_Code as Code,
  RateLimitResponse,
} from '../../src/generated/envoy/service/ratelimit/v3/rls.ts';

/** The RateLimitResponse of servers that decide nothing. */
export const CONSTANT_ANSWER: Uint8Array = RateLimitResponse.encode(
  RateLimitResponse.fromPartial({ overallCode: Code.OK, statuses: [{ code: Code.OK }] }),
).finish();
