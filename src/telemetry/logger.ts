import { type Logger, pino } from 'pino';

export type { Logger };

/** Names under which a secret could travel in a log field. */
const SECRET_FIELDS = ['secret', 'password', 'token', 'accessToken', 'refreshToken', 'authorization', 'url'];

/** JSON lines on stdout, with ISO times. `level` is one of pino's. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
  });
}
