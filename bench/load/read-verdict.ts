import { CheckResponse } from '../../src/generated/envoy/service/auth/v3/external_auth.ts';
import {
  RateLimitResponse_Code as Code,
  RateLimitResponse,
} from '../../src/generated/envoy/service/ratelimit/v3/rls.ts';

export type Verdict = 'ok' | 'overLimit';

/** RateLimitResponse.overall_code and CheckResponse.status, which every known server writes first. */
const OVERALL_CODE = 0x08;
const STATUS = 0x0a;

/**
 * The verdict of a gRPC message with its five bytes of prefix, `undefined` when it is none. The first bytes tell it for
 * all servers that write their fields in order; whatever looks otherwise is decoded in full.
 */
export function readVerdict(kind: 'rate_limit' | 'check', data: Buffer): Verdict | undefined {
  if (data.length < 5 || data.readUInt32BE(1) !== data.length - 5) return undefined;
  if (kind === 'rate_limit' && data[5] === OVERALL_CODE && data[6] === Code.OK) return 'ok';
  if (kind === 'rate_limit' && data[5] === OVERALL_CODE && data[6] === Code.OVER_LIMIT) return 'overLimit';
  if (kind === 'check' && data[5] === STATUS && data[6] === 0) return 'ok';
  return decodeVerdict(kind, data.subarray(5));
}

function decodeVerdict(kind: 'rate_limit' | 'check', message: Buffer): Verdict | undefined {
  try {
    if (kind === 'check') {
      const response = CheckResponse.decode(message);
      if (response.httpResponse?.$case !== 'deniedResponse') return response.status?.code === 0 ? 'ok' : undefined;
      const status = response.httpResponse.value.status?.code;
      return status === 429 || status === 401 ? 'overLimit' : undefined;
    }
    const { overallCode } = RateLimitResponse.decode(message);
    if (overallCode === Code.OK) return 'ok';
    return overallCode === Code.OVER_LIMIT ? 'overLimit' : undefined;
  } catch {
    return undefined;
  }
}
