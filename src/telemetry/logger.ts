import { type Logger, pino } from 'pino';

export type { Logger };

/** Names under which a secret could travel in a log field. */
const SECRET_FIELDS = ['secret', 'password', 'token', 'accessToken', 'refreshToken', 'authorization', 'url'];

/** What an error was caused by, and that in turn, so far. */
const DEEPEST_CAUSE = 5;

/**
 * What of an error is logged. Not what else it carries, and of its message the first line: drivers put statements, their
 * values and whole rows there.
 */
export function errorFields(error: unknown, depth = 0): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const causes = error instanceof AggregateError ? error.errors : [error.cause];
  return {
    type: error.name,
    message: firstLine(error.message),
    ...('code' in error && typeof error.code === 'string' && { code: error.code }),
    stack: frames.join('\n'),
    ...(depth < DEEPEST_CAUSE &&
      causes.some((cause) => cause instanceof Error) && {
        causes: causes.map((cause) => errorFields(cause, depth + 1)),
      }),
  };
}

export function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? '';
}

/** JSON lines on stdout, with ISO times. `level` is one of pino's. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: (error) => errorFields(error) },
    redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
  });
}
