import type { DENIALS, DenialCode } from '../../domain/denial.ts';
import { ErrorInfo, RetryInfo } from '../../generated/google/rpc/error_details.ts';
import { Status } from '../../generated/google/rpc/status.ts';

/** google.rpc.Code, by the HTTP status of a denial. */
export const RPC_CODES = { 401: 16, 403: 7, 429: 8, 500: 13, 503: 14 } as const satisfies Record<
  (typeof DENIALS)[DenialCode]['status'],
  number
>;

const GRPC = 'application/grpc';
/** Of all our ErrorInfos. */
const DOMAIN = 'weir';

/**
 * Whether Envoy takes the request for gRPC, and then answers a denial with 200 and trailers alone: `hasGrpcContentType`
 * in its source/common/grpc/common.cc. gRPC-Web is not: its filter has made gRPC of it before, or the client speaks HTTP.
 */
export function isGrpc(contentType: string | undefined): boolean {
  if (contentType?.startsWith(GRPC) !== true) return false;
  return contentType.length === GRPC.length || contentType[GRPC.length] === '+';
}

/**
 * The header `grpc-status-details-bin` of a denial: a google.rpc.Status with an ErrorInfo, whose reason is the denial's
 * code, and a RetryInfo where a retry is promised, as errors of the admin API have (https://google.aip.dev/193).
 */
export function grpcStatusDetails(denial: {
  readonly code: DenialCode;
  readonly rpcCode: number;
  readonly message: string;
  readonly requestId: string;
  readonly retryAfterSeconds: number | undefined;
}): string {
  const { code, rpcCode, message, requestId, retryAfterSeconds: seconds } = denial;
  const errorInfo = { reason: code.toUpperCase(), domain: DOMAIN, metadata: { request_id: requestId } };
  const details = [any('google.rpc.ErrorInfo', ErrorInfo.encode(errorInfo))];
  if (seconds !== undefined) {
    details.push(any('google.rpc.RetryInfo', RetryInfo.encode({ retryDelay: { seconds, nanos: 0 } })));
  }
  const status = Status.encode({ code: rpcCode, message, details }).finish();
  return Buffer.from(status).toString('base64');
}

function any(name: string, message: { finish(): Uint8Array }) {
  return { typeUrl: `type.googleapis.com/${name}`, value: message.finish() };
}
