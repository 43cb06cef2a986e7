import { z } from 'zod';
import { wholeNumber } from '../formats.ts';

const BYTES_PER_MB = 1_000_000;

/** A key, a host and the number of a project. The secret part of old DSNs is not needed, and not sent. */
const SENTRY_DSN = /^https?:\/\/[\w-]+(?::[\w-]+)?@[^\s/@]+(?:\/[^\s?#]+)*\/\d+$/;

export const logVariables = {
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'], 'must be trace, debug, info, warn, error or fatal')
    .default('info'),
  SENTRY_DSN: z.string().regex(SENTRY_DSN, 'must be a DSN, such as https://KEY@sentry.example.com/1').optional(),
  LOG_FILE: z.string().optional(),
  LOG_FILE_MAX_MB: wholeNumber('megabytes', 1, 100_000).prefault('50'),
  LOG_FILE_MAX_FILES: wholeNumber('files', 1, 1_000).prefault('5'),
};

/** The file that the log goes to, in place of standard output. */
export interface LogFileConfig {
  readonly path: string;
  readonly maxBytes: number;
  /** Files that are kept, the current one included. */
  readonly maxFiles: number;
}

/** undefined: the log goes to standard output. */
export function readLogFileConfig(env: z.infer<z.ZodObject<typeof logVariables>>): LogFileConfig | undefined {
  const { LOG_FILE: path, LOG_FILE_MAX_MB: megabytes, LOG_FILE_MAX_FILES: maxFiles } = env;
  return path === undefined ? undefined : { path, maxBytes: megabytes * BYTES_PER_MB, maxFiles };
}
