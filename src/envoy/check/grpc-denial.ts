import type { DENIALS, DenialCode } from '../../domain/denial.ts';
import { ErrorInfo, RetryInfo } from '../../generated/google/rpc/error_details.ts';
import { Status } from '../../generated/google/rpc/status.ts';

/** The google.rpc.Code of a denial, by its HTTP status. */
export const RPC_CODES = { 400: 3, 401: 16, 403: 7, 429: 8, 500: 13, 503: 14 } as const satisfies Record<
  (typeof DENIALS)[DenialCode]['status'],
  number
>;

const GRPC_CONTENT_TYPE = 'application/grpc';
/** `domain` of every ErrorInfo that Weir sends. */
const ERROR_DOMAIN = 'weir';

/**
 * Whether Envoy treats the request as gRPC; it then sends a denial as status 200 with trailers only. Follows
 * `hasGrpcContentType` in Envoy's source/common/grpc/common.cc. gRPC-Web does not count: either Envoy's gRPC-Web filter
 * has already turned it into gRPC, or the client expects HTTP.
 */
export function isGrpcContentType(contentType: string | undefined): boolean {
  if (contentType?.startsWith(GRPC_CONTENT_TYPE) !== true) return false;
  return contentType.length === GRPC_CONTENT_TYPE.length || contentType[GRPC_CONTENT_TYPE.length] === '+';
}

/**
 * Encodes the value of the header `grpc-status-details-bin` for a denial: a google.rpc.Status with an ErrorInfo, whose
 * reason is the denial's code, and a RetryInfo if a retry is promised. Errors of the admin API have the same form
 * (https://google.aip.dev/193).
 */
export function encodeGrpcStatusDetails(denial: {
  readonly code: DenialCode;
  readonly rpcCode: number;
  readonly message: string;
  readonly requestId: string;
  readonly retryAfterSeconds: number | undefined;
}): string {
  const { code, rpcCode, message, requestId, retryAfterSeconds: seconds } = denial;
  const errorInfo = { reason: code.toUpperCase(), domain: ERROR_DOMAIN, metadata: { request_id: requestId } };
  const details = [packAny('google.rpc.ErrorInfo', ErrorInfo.encode(errorInfo))];
  if (seconds !== undefined) {
    details.push(packAny('google.rpc.RetryInfo', RetryInfo.encode({ retryDelay: { seconds, nanos: 0 } })));
  }
  const status = Status.encode({ code: rpcCode, message, details }).finish();
  return Buffer.from(status).toString('base64');
}

function packAny(messageType: string, message: { finish(): Uint8Array }) {
  return { typeUrl: `type.googleapis.com/${messageType}`, value: message.finish() };
}
