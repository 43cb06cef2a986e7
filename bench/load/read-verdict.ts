import { CheckResponse } from '../../src/generated/envoy/service/auth/v3/external_auth.ts';
import {
  RateLimitResponse_Code as Code,
  RateLimitResponse,
} from '../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import type { LoadKind } from './load-job.ts';

/** `overLimit` stands for every denial that a load can provoke: OVER_LIMIT, 429 and 401. */
export type Verdict = 'ok' | 'overLimit';

/** Tags of RateLimitResponse.overall_code and CheckResponse.status, the fields that servers write first. */
const OVERALL_CODE_TAG = 0x08;
const STATUS_TAG = 0x0a;

/** Bytes before each gRPC message: a flag, then the length of the message. */
const GRPC_PREFIX_BYTES = 5;

/**
 * Reads the verdict out of a gRPC message with its prefix. undefined: it contains none. The first bytes are enough if
 * the server writes fields in order. Everything else is decoded in full.
 */
export function readVerdict(kind: LoadKind, data: Buffer): Verdict | undefined {
  if (data.length < GRPC_PREFIX_BYTES || data.readUInt32BE(1) !== data.length - GRPC_PREFIX_BYTES) return undefined;
  if (kind === 'rate_limit' && data[5] === OVERALL_CODE_TAG && data[6] === Code.OK) return 'ok';
  if (kind === 'rate_limit' && data[5] === OVERALL_CODE_TAG && data[6] === Code.OVER_LIMIT) return 'overLimit';
  if (kind === 'check' && data[5] === STATUS_TAG && data[6] === 0) return 'ok';
  return decodeVerdict(kind, data.subarray(GRPC_PREFIX_BYTES));
}

function decodeVerdict(kind: LoadKind, message: Buffer): Verdict | undefined {
  try {
    return kind === 'check' ? decodeCheckVerdict(message) : decodeRateLimitVerdict(message);
  } catch {
    return undefined;
  }
}

function decodeCheckVerdict(message: Buffer): Verdict | undefined {
  const response = CheckResponse.decode(message);
  if (response.httpResponse?.$case !== 'deniedResponse') return response.status?.code === 0 ? 'ok' : undefined;
  const status = response.httpResponse.value.status?.code;
  return status === 429 || status === 401 ? 'overLimit' : undefined;
}

function decodeRateLimitVerdict(message: Buffer): Verdict | undefined {
  const { overallCode } = RateLimitResponse.decode(message);
  if (overallCode === Code.OK) return 'ok';
  return overallCode === Code.OVER_LIMIT ? 'overLimit' : undefined;
}
