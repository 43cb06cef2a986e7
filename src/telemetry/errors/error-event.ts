import type { ErrorEvent, Exception, StackParser } from '@sentry/core';

/** A line of the log that reports an error, after the redaction. */
export interface ErrorLine {
  readonly level: 'error' | 'fatal';
  readonly time: string;
  readonly process: string;
  readonly msg: string;
  readonly err?: LoggedError;
}

/** An error as lines have it (`describeError`). */
interface LoggedError {
  readonly type: string;
  readonly message?: string;
  readonly stack?: string;
  readonly causes?: readonly LoggedError[];
}

/** Fields that say who made a call. Developers find a bug without them. */
const PERSONAL_FIELDS: ReadonlySet<string> = new Set(['peer', 'actor', 'account', 'resource']);
/** The beginning of a line, as pino writes it. */
const IS_ERROR = /^\{"level":"(?:error|fatal)"/;

/** Parses a line of the log. undefined: it reports no error. */
export function parseErrorLine(line: string): ErrorLine | undefined {
  return IS_ERROR.test(line) ? (JSON.parse(line) as ErrorLine) : undefined; // as pino writes it
}

/** Turns a line into an event. The event has nothing that the line has not. */
export function toErrorEvent({ level, time, process, msg, err, ...fields }: ErrorLine, parse: StackParser): ErrorEvent {
  const extra = Object.fromEntries(Object.entries(fields).filter(([name]) => !PERSONAL_FIELDS.has(name)));
  return {
    type: undefined,
    level,
    timestamp: Date.parse(time) / 1000,
    logger: 'weir',
    message: msg,
    tags: { process },
    extra,
    // The same failure of different calls is one issue.
    fingerprint: err === undefined ? [msg] : [msg, '{{ default }}'],
    ...(err !== undefined && { exception: { values: listExceptions(err, parse) } }),
  };
}

/** The error that was caused comes last. */
function listExceptions({ type, message, stack, causes = [] }: LoggedError, parse: StackParser): Exception[] {
  const stacktrace = stack ? { frames: parse(stack) } : undefined;
  const exception = { type, ...(message !== undefined && { value: message }), ...(stacktrace && { stacktrace }) };
  return [...causes.flatMap((cause) => listExceptions(cause, parse)), exception];
}
