import { type Logger, pino } from 'pino';

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

/** Creates a logger that writes JSON lines with ISO times to stdout. `level` is one of pino's levels. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: (error) => describeError(error) },
    redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
  });
}
