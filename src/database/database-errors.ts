/** System and SQLSTATE codes that say: not this request is at fault, Postgres cannot be reached or is not serving. */
const AWAY = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['57P01', '57P02', '57P03', '53300', '25006'], // shutting down, crashed, starting, too many clients, a standby
]);

/** node-postgres gives these no code. */
const AWAY_MESSAGE =
  /^(Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client has encountered a connection)/;

/** Whether an error, or what caused it, says that Postgres is away for the moment. */
export function isDatabaseUnavailable(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (AWAY_MESSAGE.test(each.message)) return true;
    if (!('code' in each) || typeof each.code !== 'string') continue;
    if (AWAY.has(each.code) || each.code.startsWith('08')) return true;
  }
  return false;
}
