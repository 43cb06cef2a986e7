import { Metadata, type ServerErrorResponse, type StatusObject, status } from '@grpc/grpc-js';
import { ApiError, type ApiErrorReason } from '../../domain/api-error.ts';
import { BadRequest, ErrorInfo, RetryInfo } from '../../generated/google/rpc/error_details.ts';
import { Status } from '../../generated/google/rpc/status.ts';

/** The domain of all our ErrorInfos. */
const DOMAIN = 'weir';
const RETRY_SECONDS = 1;

interface Answer {
  readonly code: status;
  readonly message: string;
  /** Of the ErrorInfo. */
  readonly reason: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Beside the ErrorInfo. */
  readonly details?: readonly { readonly typeUrl: string; readonly value: Uint8Array }[];
}

/**
 * What a caller is told of whatever a handler threw: problems by their kind, all else by a fixed text, because its
 * message may hold anything.
 */
export function errorStatus(error: unknown): Partial<StatusObject> & Pick<ServerErrorResponse, 'code'> {
  const answer: Answer =
    error instanceof ApiError
      ? answerTo(error.reason)
      : { code: status.INTERNAL, message: 'internal error', reason: 'INTERNAL' };
  const { code, message, reason, metadata: info = {}, details = [] } = answer;
  const errorInfo = any('google.rpc.ErrorInfo', ErrorInfo.encode({ reason, domain: DOMAIN, metadata: { ...info } }));
  const metadata = new Metadata();
  const bytes = Status.encode({ code, message, details: [errorInfo, ...details] }).finish();
  metadata.set('grpc-status-details-bin', Buffer.from(bytes));
  return { code, details: message, metadata };
}

/** What the log is told of it: not the message, in which what the caller sent may be repeated. */
export function rejectionReason(error: unknown): { readonly reason: string; readonly fields?: readonly string[] } {
  if (!(error instanceof ApiError)) return { reason: 'INTERNAL' };
  const { reason } = answerTo(error.reason);
  if (error.reason.kind !== 'invalid') return { reason };
  return { reason, fields: error.reason.faults.map(({ field }) => field) };
}

/** Whether it is worth a log line: the caller's own mistakes are not. */
export function isInternalError(error: unknown): boolean {
  return !(error instanceof ApiError) || error.reason.kind === 'unavailable';
}

function answerTo(problem: ApiErrorReason): Answer {
  switch (problem.kind) {
    case 'invalid':
      return invalidAnswer(problem.faults);
    case 'unauthenticated':
      return { code: status.UNAUTHENTICATED, message: UNAUTHENTICATED[problem.reason], reason: problem.reason };
    case 'forbidden':
      return { code: status.PERMISSION_DENIED, message: 'this needs an administrator', reason: 'NOT_ADMINISTRATOR' };
    case 'not_found':
      return named(status.NOT_FOUND, 'RESOURCE_NOT_FOUND', 'does not exist', problem.name);
    case 'already_exists':
      return named(status.ALREADY_EXISTS, 'RESOURCE_EXISTS', 'exists already', problem.name);
    case 'conflict':
      return named(status.ABORTED, 'ETAG_MISMATCH', 'was changed since it was read; read it again', problem.name);
    case 'precondition':
      return named(status.FAILED_PRECONDITION, problem.reason, PRECONDITIONS[problem.reason], problem.name);
    case 'unavailable':
      return retryLater('DATABASE_UNAVAILABLE', 'the database cannot be reached; nothing is known to have changed');
    case 'counters_unavailable':
      return retryLater('COUNTERS_UNAVAILABLE', 'the counters cannot be reached; a change may be made again');
    case 'keys_unavailable':
      return retryLater('VERIFICATION_UNAVAILABLE', 'it cannot be told now whether the token is good; try again');
    case 'busy':
      return retryLater('TOO_MANY_SIGN_INS', 'too many sign-ins at once; try again');
    case 'too_many_calls':
      return tooManyCalls(problem.retryAfterSeconds);
  }
}

function retryLater(reason: string, message: string): Answer {
  return { code: status.UNAVAILABLE, message, reason, details: [retryIn(RETRY_SECONDS)] };
}

function tooManyCalls(seconds: number): Answer {
  const message = `too many calls; try again in ${seconds} s`;
  return { code: status.RESOURCE_EXHAUSTED, message, reason: 'TOO_MANY_CALLS', details: [retryIn(seconds)] };
}

function retryIn(seconds: number) {
  return any('google.rpc.RetryInfo', RetryInfo.encode({ retryDelay: { seconds, nanos: 0 } }));
}

const UNAUTHENTICATED = {
  TOKEN_MISSING: 'no access token: send "authorization: Bearer …" with one from AuthService/Login',
  TOKEN_INVALID: 'the access token is not valid, or no longer',
  CREDENTIALS_INVALID: 'these credentials are not valid',
} as const;

const PRECONDITIONS = {
  PLAN_IN_USE: 'is still used by accounts, API keys or issuers',
  API_KEY_DISABLED: 'is disabled',
  API_KEY_EXPIRED: 'has expired',
  SIGNING_KEY_IN_USE: 'signs tokens, or is about to: rotate first, and wait until another signs',
} as const;

function named(code: status, reason: string, text: string, name: string): Answer {
  return { code, message: `${name} ${text}`, reason, metadata: { name } };
}

function invalidAnswer(fieldViolations: Extract<ApiErrorReason, { kind: 'invalid' }>['faults']): Answer {
  const message = fieldViolations.map(({ field, description }) => `${field} ${description}`).join('; ');
  const badRequest = BadRequest.encode({ fieldViolations: [...fieldViolations] });
  return {
    code: status.INVALID_ARGUMENT,
    message,
    reason: 'INVALID_FIELDS',
    details: [any('google.rpc.BadRequest', badRequest)],
  };
}

function any(type: string, message: { finish(): Uint8Array }) {
  return { typeUrl: `type.googleapis.com/${type}`, value: message.finish() };
}
