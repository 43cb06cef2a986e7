/** Destination of log lines. A pino logger satisfies this. Fields must not hold secrets. */
export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A logger for parts that log nothing but problems. */
export type WarningLogger = Pick<Logger, 'warn'>;

/** A logger for the counters, which log problems and that they are over. */
export type StoreLogger = Pick<Logger, 'warn' | 'info'>;
