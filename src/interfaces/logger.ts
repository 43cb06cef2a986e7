/** Where a part writes its log lines: pino's shape, so that pino is one. Fields hold no secrets. */
export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Of a logger, all that those need who have nothing to tell but trouble. */
export type WarningLogger = Pick<Logger, 'warn'>;
