/** System errors and SQLSTATE codes which mean that Postgres cannot be reached or does not serve requests. */
const UNAVAILABLE_CODES = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'],
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now: it is starting
  '53300', // too_many_connections
  '40001', // serialization_failure: a standby cancelled the statement, because it delayed the replay
  '40P01', // deadlock_detected: such as between a load of the catalog and a migration
  '25006', // read_only_sql_transaction: it is a standby
]);

/** SQLSTATE class of connection exceptions. */
const CONNECTION_EXCEPTION = '08';

/** Errors for which node-postgres sets no code. */
const UNAVAILABLE_MESSAGE =
  /^(Connection terminated|Query read timeout|Postgres did not respond|timeout exceeded when trying to connect|Client has encountered a connection)/;

/** SQLSTATE codes of a database, schema, table, column or function that does not exist. */
const MISSING_CODES = new Set(['3D000', '3F000', '42P01', '42703', '42883']);

/** Whether an error, or one of its causes, means that the database was not migrated to this version yet. */
export function isSchemaMissing(error: unknown): boolean {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ('code' in current && typeof current.code === 'string' && MISSING_CODES.has(current.code)) return true;
  }
  return false;
}

/** SQLSTATE of data exceptions, such as a text that is too long for a type. */
const DATA_EXCEPTION = /^22[0-9A-Z]{3}$/;

/**
 * The SQLSTATE of an error, or of one of its causes, that means that Postgres could not take a value. undefined: it means
 * something else. The message of such an error repeats the value.
 */
export function findDataException(error: unknown): string | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ('code' in current && typeof current.code === 'string' && DATA_EXCEPTION.test(current.code)) return current.code;
  }
  return undefined;
}

/** SQLSTATE of lock_not_available: a statement waited for a lock for longer than lock_timeout. */
const LOCK_NOT_AVAILABLE = '55P03';

/** Whether an error of Postgres means that a statement waited for a lock for too long. */
export function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === LOCK_NOT_AVAILABLE;
}

/** Whether an error, or one of its causes, means that Postgres is temporarily unavailable. */
export function isDatabaseUnavailable(error: unknown): boolean {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (UNAVAILABLE_MESSAGE.test(current.message)) return true;
    if (!('code' in current) || typeof current.code !== 'string') continue;
    if (UNAVAILABLE_CODES.has(current.code) || current.code.startsWith(CONNECTION_EXCEPTION)) return true;
  }
  return false;
}
