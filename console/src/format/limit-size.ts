import type { LimitJson } from '../generated/weir/admin/v1/limit_pb.js';

/** The number of requests that a limit allows at once when nothing is used. */
export function readLimitSize({ algorithm, burst, requests = 0 }: LimitJson): number {
  return algorithm === 'token_bucket' ? (burst ?? requests) : requests;
}
