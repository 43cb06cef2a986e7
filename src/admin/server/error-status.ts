import { Metadata, type ServerErrorResponse, type StatusObject, status } from '@grpc/grpc-js';
import { ApiError, type ApiErrorReason } from '../../domain/api-error.ts';
import { BadRequest, ErrorInfo, RetryInfo } from '../../generated/google/rpc/error_details.ts';
import { Status } from '../../generated/google/rpc/status.ts';

/** The `domain` of every google.rpc.ErrorInfo that Weir sends. */
const ERROR_DOMAIN = 'weir';
const RETRY_DELAY_SECONDS = 1;

/** Every `reason` of an ErrorInfo. docs/errors.md describes them. */
export const ERROR_REASONS = [
  'INVALID_FIELDS',
  'TOKEN_MISSING',
  'TOKEN_INVALID',
  'CREDENTIALS_INVALID',
  'NOT_ADMINISTRATOR',
  'RESOURCE_NOT_FOUND',
  'RESOURCE_EXISTS',
  'ETAG_MISMATCH',
  'PLAN_IN_USE',
  'API_KEY_DISABLED',
  'API_KEY_EXPIRED',
  'SIGNING_KEY_IN_USE',
  'DATABASE_UNAVAILABLE',
  'COUNTERS_UNAVAILABLE',
  'VERIFICATION_UNAVAILABLE',
  'TOO_MANY_SIGN_INS',
  'TOO_MANY_CALLS',
  'INTERNAL',
] as const;

type ErrorReason = (typeof ERROR_REASONS)[number];

interface ErrorReply {
  readonly code: status;
  readonly message: string;
  readonly reason: ErrorReason;
  /** `metadata` of the ErrorInfo. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Further details after the ErrorInfo. */
  readonly details?: readonly PackedMessage[];
}

/** A google.protobuf.Any. */
interface PackedMessage {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/**
 * The gRPC status for an error of a handler. Only an ApiError is described to the caller. The message of any other
 * error may contain anything, so the caller gets a fixed text.
 */
export function toErrorStatus(error: unknown): Partial<StatusObject> & Pick<ServerErrorResponse, 'code'> {
  const reply: ErrorReply =
    error instanceof ApiError
      ? toErrorReply(error.reason)
      : { code: status.INTERNAL, message: 'internal error', reason: 'INTERNAL' };
  const { code, message, reason, metadata: infoMetadata = {}, details = [] } = reply;
  const errorInfo = ErrorInfo.encode({ reason, domain: ERROR_DOMAIN, metadata: { ...infoMetadata } });
  const packed = [packMessage('google.rpc.ErrorInfo', errorInfo), ...details];
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', Buffer.from(Status.encode({ code, message, details: packed }).finish()));
  return { code, details: message, metadata };
}

/** Log fields for a rejected call. They leave the message out, because it may repeat what the caller sent. */
export function describeRejection(error: unknown): {
  readonly reason: ErrorReason;
  readonly fields?: readonly string[];
} {
  if (!(error instanceof ApiError)) return { reason: 'INTERNAL' };
  const { reason } = toErrorReply(error.reason);
  if (error.reason.kind !== 'invalid') return { reason };
  return { reason, fields: error.reason.faults.map(({ field }) => field) };
}

/** Whether an error is Weir's own fault or that of its database, as opposed to a mistake of the caller. */
export function isInternalError(error: unknown): boolean {
  return !(error instanceof ApiError) || error.reason.kind === 'unavailable';
}

function toErrorReply(reason: ApiErrorReason): ErrorReply {
  switch (reason.kind) {
    case 'invalid':
      return replyInvalid(reason.faults);
    case 'unauthenticated':
      return { code: status.UNAUTHENTICATED, message: UNAUTHENTICATED[reason.reason], reason: reason.reason };
    case 'forbidden':
      return {
        code: status.PERMISSION_DENIED,
        message: 'only administrators can do this',
        reason: 'NOT_ADMINISTRATOR',
      };
    case 'not_found':
      return replyAbout(status.NOT_FOUND, 'RESOURCE_NOT_FOUND', reason.name, 'does not exist');
    case 'already_exists':
      return replyAbout(status.ALREADY_EXISTS, 'RESOURCE_EXISTS', reason.name, 'already exists');
    case 'conflict':
      return replyAbout(status.ABORTED, 'ETAG_MISMATCH', reason.name, 'has changed since you read it; read it again');
    case 'precondition':
      return replyAbout(status.FAILED_PRECONDITION, reason.reason, reason.name, PRECONDITIONS[reason.reason]);
    case 'unavailable':
      return replyRetryLater('DATABASE_UNAVAILABLE', `the database is unavailable; ${MAY_BE_APPLIED}`);
    case 'counters_unavailable':
      return replyRetryLater('COUNTERS_UNAVAILABLE', `the counters are unavailable; ${MAY_BE_APPLIED}; retry`);
    case 'keys_unavailable':
      return replyRetryLater('VERIFICATION_UNAVAILABLE', 'the token cannot be verified right now; retry');
    case 'busy':
      return replyRetryLater('TOO_MANY_SIGN_INS', 'too many concurrent sign-ins; retry');
    case 'too_many_calls':
      return replyTooManyCalls(reason.retryAfterSeconds);
  }
}

const UNAUTHENTICATED = {
  TOKEN_MISSING: 'the call has no access token; send "authorization: Bearer …" with a token from AuthService/Login',
  TOKEN_INVALID: 'the access token is invalid or has expired',
  CREDENTIALS_INVALID: 'the credentials are invalid',
} as const;

const PRECONDITIONS = {
  PLAN_IN_USE: 'is still used by accounts, API keys or issuers',
  API_KEY_DISABLED: 'is disabled',
  API_KEY_EXPIRED: 'has expired',
  SIGNING_KEY_IN_USE: 'signs tokens or is about to; rotate first and wait until the new key signs',
} as const;

const MAY_BE_APPLIED = 'a change may or may not have been applied';

function replyInvalid(faults: Extract<ApiErrorReason, { kind: 'invalid' }>['faults']): ErrorReply {
  const badRequest = BadRequest.encode({ fieldViolations: [...faults] });
  return {
    code: status.INVALID_ARGUMENT,
    message: faults.map(({ field, description }) => `${field}: ${description}`).join('; '),
    reason: 'INVALID_FIELDS',
    details: [packMessage('google.rpc.BadRequest', badRequest)],
  };
}

/** A reply about one resource, such as `plans/team does not exist`. */
function replyAbout(code: status, reason: ErrorReason, name: string, predicate: string): ErrorReply {
  return { code, message: `${name} ${predicate}`, reason, metadata: { name } };
}

function replyRetryLater(reason: ErrorReason, message: string): ErrorReply {
  return { code: status.UNAVAILABLE, message, reason, details: [packRetryInfo(RETRY_DELAY_SECONDS)] };
}

function replyTooManyCalls(retryAfterSeconds: number): ErrorReply {
  return {
    code: status.RESOURCE_EXHAUSTED,
    message: `too many calls; retry after ${retryAfterSeconds} s`,
    reason: 'TOO_MANY_CALLS',
    details: [packRetryInfo(retryAfterSeconds)],
  };
}

function packRetryInfo(seconds: number): PackedMessage {
  return packMessage('google.rpc.RetryInfo', RetryInfo.encode({ retryDelay: { seconds, nanos: 0 } }));
}

function packMessage(type: string, message: { finish(): Uint8Array }): PackedMessage {
  return { typeUrl: `type.googleapis.com/${type}`, value: message.finish() };
}
