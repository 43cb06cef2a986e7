/** System errors and SQLSTATE codes which mean that Postgres cannot be reached or does not serve requests. */
const UNAVAILABLE_CODES = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'],
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now: it is starting
  '53300', // too_many_connections
  '25006', // read_only_sql_transaction: it is a standby
]);

/** SQLSTATE class of connection exceptions. */
const CONNECTION_EXCEPTION = '08';

/** Errors for which node-postgres sets no code. */
const UNAVAILABLE_MESSAGE =
  /^(Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client has encountered a connection)/;

/** Whether an error, or one of its causes, means that Postgres is temporarily unavailable. */
export function isDatabaseUnavailable(error: unknown): boolean {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (UNAVAILABLE_MESSAGE.test(current.message)) return true;
    if (!('code' in current) || typeof current.code !== 'string') continue;
    if (UNAVAILABLE_CODES.has(current.code) || current.code.startsWith(CONNECTION_EXCEPTION)) return true;
  }
  return false;
}
