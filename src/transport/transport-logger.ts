/** Where the transports log their warnings. Loggers like pino have this shape. `fields` must not contain secrets. */
export interface TransportLogger {
  warn(fields: object, message: string): void;
}
