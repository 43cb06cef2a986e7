import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import { currentSpan } from '../interfaces/current-span.ts';
import { describeSpan } from '../interfaces/tracing.ts';

export type { Logger };

/** Log fields with these names are redacted: they could hold a secret. */
const SECRET_FIELDS = ['secret', 'password', 'token', 'accessToken', 'refreshToken', 'authorization', 'url'];

/** Longest chain of causes that is logged for an error. */
const MAX_CAUSE_DEPTH = 5;

/**
 * Returns the fields of an error that are logged. They include only the first line of its message, and no other
 * property: database drivers put statements, their values and whole rows there.
 */
export function describeError(error: unknown, depth = 0): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const causes = error instanceof AggregateError ? error.errors : [error.cause];
  return {
    type: error.name,
    message: firstLine(error.message),
    ...('code' in error && typeof error.code === 'string' && { code: error.code }),
    stack: frames.join('\n'),
    ...(depth < MAX_CAUSE_DEPTH &&
      causes.some((cause) => cause instanceof Error) && {
        causes: causes.map((cause) => describeError(cause, depth + 1)),
      }),
  };
}

export function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? '';
}

/**
 * The processes of a node. `control` starts the others and serves the admin API and HTTP; `decision` decides. Where several
 * decide, `primary` starts them and gives them their connections.
 */
export type ProcessName = 'control' | 'primary' | 'decision';

/** Fields of each line of a log. */
export interface LogOrigin {
  readonly process: ProcessName;
  /** Number of the worker that the lines are from, or about. undefined: there is only one. */
  readonly worker?: number;
}

/** The fields of a line that is written within a traced call. */
function describeCurrentSpan(): object {
  const span = currentSpan();
  return span === undefined ? {} : describeSpan(span);
}

/**
 * Creates a logger that writes JSON lines with ISO times. `level` is one of pino's levels. Without an `output`, it writes to
 * stdout, and waits until each line is written.
 */
export function createLogger(
  level: string,
  origin: LogOrigin = { process: 'control' },
  output?: DestinationStream,
): Logger {
  const options: LoggerOptions = {
    level,
    base: { ...origin },
    mixin: describeCurrentSpan,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: (error) => describeError(error) },
    redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
  };
  return output === undefined ? pino(options) : pino(options, output);
}
