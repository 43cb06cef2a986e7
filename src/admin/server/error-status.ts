import { ApiError, type ApiErrorReason, describeKeyBound } from '../../domain/api-error.ts';
import { BadRequest, ErrorInfo, RetryInfo } from '../../generated/google/rpc/error_details.ts';
import { Status } from '../../generated/google/rpc/status.ts';
import { GrpcStatus } from '../../transport/unary-call.ts';

/** The `domain` of every google.rpc.ErrorInfo that Weir sends. */
const ERROR_DOMAIN = 'weir';
const RETRY_DELAY_SECONDS = 1;

/** Every `reason` of an ErrorInfo. docs/errors.md describes them. */
export const ERROR_REASONS = [
  'INVALID_FIELDS',
  'TOKEN_MISSING',
  'TOKEN_INVALID',
  'CREDENTIALS_INVALID',
  'ONE_TIME_TOKEN_INVALID',
  'TOTP_REQUIRED',
  'TOTP_INVALID',
  'NOT_ADMINISTRATOR',
  'ACCOUNT_DISABLED',
  'CALLER_WITHOUT_ACCOUNT',
  'REGISTRATION_CLOSED',
  'REGISTRATION_PLAN_MISSING',
  'RESOURCE_NOT_FOUND',
  'RESOURCE_EXISTS',
  'EMAIL_TAKEN',
  'EMAIL_MISSING',
  'ETAG_MISMATCH',
  'PLAN_IN_USE',
  'API_KEY_DISABLED',
  'API_KEY_EXPIRED',
  'SIGNING_KEY_IN_USE',
  'LAST_ADMINISTRATOR',
  'TOO_MANY_DEVICES',
  'TOTP_ALREADY_ENABLED',
  'TOTP_NOT_ENROLLED',
  'SIGNING_KEY_SECRET_MISSING',
  'WEBHOOK_DISABLED',
  'TOO_MANY_WEBHOOKS',
  'DATABASE_UNAVAILABLE',
  'ADMINISTRATORS_LOCKED',
  'COUNTERS_UNAVAILABLE',
  'DECISIONS_UNAVAILABLE',
  'ROLE_DECISION',
  'VERIFICATION_UNAVAILABLE',
  'TOO_MANY_API_KEYS',
  'TOO_MANY_SIGN_INS',
  'TOO_MANY_CALLS',
  'INTERNAL',
] as const;

type ErrorReason = (typeof ERROR_REASONS)[number];

type ErrorCode = Exclude<GrpcStatus, typeof GrpcStatus.OK>;

interface ErrorReply {
  readonly code: ErrorCode;
  readonly message: string;
  readonly reason: ErrorReason;
  /** `metadata` of the ErrorInfo. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Further details after the ErrorInfo. */
  readonly details?: readonly PackedMessage[];
}

/** The gRPC status of a failed call. */
export interface ErrorStatus {
  readonly code: ErrorCode;
  readonly message: string;
  /** An encoded google.rpc.Status. */
  readonly details: Uint8Array;
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
export function toErrorStatus(error: unknown): ErrorStatus {
  const reply: ErrorReply =
    error instanceof ApiError
      ? toErrorReply(error.reason)
      : { code: GrpcStatus.INTERNAL, message: 'internal error', reason: 'INTERNAL' };
  const { code, message, reason, metadata: infoMetadata = {}, details = [] } = reply;
  const errorInfo = ErrorInfo.encode({ reason, domain: ERROR_DOMAIN, metadata: { ...infoMetadata } });
  const packed = [packMessage('google.rpc.ErrorInfo', errorInfo), ...details];
  return { code, message, details: Status.encode({ code, message, details: packed }).finish() };
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

function toErrorReply(reason: ApiErrorReason): ErrorReply {
  switch (reason.kind) {
    case 'invalid':
      return replyInvalid(reason.faults);
    case 'unauthenticated':
      return replyUnauthenticated(reason);
    case 'forbidden':
      return { ...FIXED_REPLIES.forbidden, ...(reason.message !== undefined && { message: reason.message }) };
    case 'account_disabled':
    case 'caller_without_account':
    case 'registration_closed':
    case 'email_taken':
    case 'not_on_decision_nodes':
      return FIXED_REPLIES[reason.kind];
    case 'not_found':
      return replyAbout(GrpcStatus.NOT_FOUND, 'RESOURCE_NOT_FOUND', reason.name, 'does not exist');
    case 'already_exists':
      return replyAbout(GrpcStatus.ALREADY_EXISTS, 'RESOURCE_EXISTS', reason.name, 'already exists');
    case 'conflict':
      return replyAbout(
        GrpcStatus.ABORTED,
        'ETAG_MISMATCH',
        reason.name,
        'has changed since you read it; read it again',
      );
    case 'precondition':
      return replyAbout(GrpcStatus.FAILED_PRECONDITION, reason.reason, reason.name, PRECONDITIONS[reason.reason]);
    case 'unavailable':
      return replyRetryLater('DATABASE_UNAVAILABLE', `the database is unavailable; ${MAY_BE_APPLIED}`);
    case 'administrators_locked':
      return replyRetryLater(
        'ADMINISTRATORS_LOCKED',
        'another call that takes an administrator away has not ended; nothing was changed; retry',
      );
    case 'counters_unavailable':
      return replyRetryLater('COUNTERS_UNAVAILABLE', `the counters are unavailable; ${MAY_BE_APPLIED}; retry`);
    case 'decisions_unavailable':
      return replyRetryLater(
        'DECISIONS_UNAVAILABLE',
        `the process that decides is unavailable; ${MAY_BE_APPLIED}; retry`,
      );
    case 'keys_unavailable':
      return replyRetryLater('VERIFICATION_UNAVAILABLE', 'the token cannot be verified right now; retry');
    case 'too_many_api_keys':
      return replyTooManyApiKeys(reason);
    case 'busy':
      return replyRetryLater('TOO_MANY_SIGN_INS', 'too many concurrent sign-ins; retry');
    case 'too_many_calls':
      return replyTooManyCalls(reason.retryAfterSeconds);
  }
}

/** Replies that are the same each time. */
const FIXED_REPLIES = {
  forbidden: {
    code: GrpcStatus.PERMISSION_DENIED,
    message: 'only administrators can do this',
    reason: 'NOT_ADMINISTRATOR',
  },
  account_disabled: {
    code: GrpcStatus.PERMISSION_DENIED,
    message: 'the account is disabled',
    reason: 'ACCOUNT_DISABLED',
  },
  caller_without_account: {
    code: GrpcStatus.FAILED_PRECONDITION,
    message: 'the caller has no account in the catalog',
    reason: 'CALLER_WITHOUT_ACCOUNT',
  },
  registration_closed: {
    code: GrpcStatus.FAILED_PRECONDITION,
    message: 'registration is closed; ask an administrator for an account',
    reason: 'REGISTRATION_CLOSED',
  },
  email_taken: {
    code: GrpcStatus.ALREADY_EXISTS,
    message: 'an account with this e-mail address already exists',
    reason: 'EMAIL_TAKEN',
  },
  not_on_decision_nodes: {
    code: GrpcStatus.UNIMPLEMENTED,
    message: 'this node has the role decision: ask an admin node',
    reason: 'ROLE_DECISION',
  },
} as const satisfies Record<string, ErrorReply>;

const UNAUTHENTICATED = {
  TOKEN_MISSING: 'the call has no access token; send "authorization: Bearer …" with a token from AuthService/Login',
  TOKEN_INVALID: 'the access token is invalid or has expired',
  CREDENTIALS_INVALID: 'the credentials are invalid',
  ONE_TIME_TOKEN_INVALID: 'the token is unknown, was used before, or has expired',
  TOTP_REQUIRED: 'the account has a second factor: totp_code must be set',
  TOTP_INVALID: 'the code of the second factor is wrong, or was used before',
} as const;

const PRECONDITIONS = {
  PLAN_IN_USE: 'is still used by accounts, API keys or issuers',
  API_KEY_DISABLED: 'is disabled',
  API_KEY_EXPIRED: 'has expired',
  TOO_MANY_DEVICES: 'has as many devices as its plan allows, or as any account can have; delete one of them',
  SIGNING_KEY_IN_USE: 'signs tokens or is about to; rotate first and wait until the new key signs',
  LAST_ADMINISTRATOR: 'is the last enabled account with the role admin and a password',
  EMAIL_MISSING: 'has no e-mail address',
  REGISTRATION_PLAN_MISSING: 'does not exist; new accounts need it',
  TOTP_ALREADY_ENABLED: 'has a second factor already; turn it off first',
  TOTP_NOT_ENROLLED: 'has no second factor; call EnrollTotp first',
  SIGNING_KEY_SECRET_MISSING: 'cannot have a secret unless all nodes have the same SIGNING_KEY_SECRET',
  WEBHOOK_DISABLED: 'is disabled; enable it first',
  TOO_MANY_WEBHOOKS: 'has 50 webhooks, the most that there can be; delete one of them',
} as const;

const MAY_BE_APPLIED = 'a change may or may not have been applied';

function replyInvalid(faults: Extract<ApiErrorReason, { kind: 'invalid' }>['faults']): ErrorReply {
  const badRequest = BadRequest.encode({ fieldViolations: [...faults] });
  return {
    code: GrpcStatus.INVALID_ARGUMENT,
    message: faults.map(({ field, description }) => `${field}: ${description}`).join('; '),
    reason: 'INVALID_FIELDS',
    details: [packMessage('google.rpc.BadRequest', badRequest)],
  };
}

function replyUnauthenticated({ reason, message }: Extract<ApiErrorReason, { kind: 'unauthenticated' }>): ErrorReply {
  return { code: GrpcStatus.UNAUTHENTICATED, message: message ?? UNAUTHENTICATED[reason], reason };
}

/** A reply about one resource, such as `plans/team does not exist`. */
function replyAbout(code: ErrorCode, reason: ErrorReason, name: string, predicate: string): ErrorReply {
  return { code, message: `${name} ${predicate}`, reason, metadata: { name } };
}

function replyRetryLater(reason: ErrorReason, message: string): ErrorReply {
  return { code: GrpcStatus.UNAVAILABLE, message, reason, details: [packRetryInfo(RETRY_DELAY_SECONDS)] };
}

function replyTooManyApiKeys({ name, max }: Extract<ApiErrorReason, { kind: 'too_many_api_keys' }>): ErrorReply {
  return {
    code: GrpcStatus.RESOURCE_EXHAUSTED,
    message: `${name}: ${describeKeyBound(max)}`,
    reason: 'TOO_MANY_API_KEYS',
    metadata: { name, maxApiKeys: String(max) },
  };
}

function replyTooManyCalls(retryAfterSeconds: number): ErrorReply {
  return {
    code: GrpcStatus.RESOURCE_EXHAUSTED,
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
