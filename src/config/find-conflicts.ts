import { findUnknownPostgresVariables } from './postgres-variables.ts';
import { findConsoleConflicts } from './sections/http-api-config.ts';
import { findRequestConflicts } from './sections/request-config.ts';
import { findRequestLogConflicts } from './sections/request-log-config.ts';
import { findTlsConflicts, findUnpairedFiles } from './sections/tls-config.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Finds variables that only make sense together, or that would be ignored although someone relies on them. */
export function findConflicts(values: Environment): readonly string[] {
  const faults: string[] = [...findRequestConflicts(values), ...findRequestLogConflicts(values)];
  faults.push(...findConsoleConflicts(values));
  if (values.WEIR_ROLE === 'decision' && values.DATABASE_URL === undefined) {
    faults.push('DATABASE_URL: must be set in the role decision, which follows the catalog of another node');
  }
  if (![undefined, '1'].includes(values.WORKERS) && values.REDIS_URL === undefined) {
    faults.push('WORKERS: must be 1 without REDIS_URL, because counters in memory are those of one worker');
  }
  faults.push(...findTlsConflicts(values), ...findUnpairedFiles('REDIS_TLS', values));
  faults.push(...findUnusedRedisSettings(values), ...findUnknownPostgresVariables(values));
  if (values.KEY_PEPPER === undefined && values.KEY_PEPPER_PREVIOUS !== undefined) {
    faults.push('KEY_PEPPER_PREVIOUS: needs KEY_PEPPER, which new keys use');
  }
  return faults;
}

/** A security setting that has no effect would make the connection look safer than it is. */
function findUnusedRedisSettings(values: Environment): readonly string[] {
  const url = values.REDIS_URL ?? '';
  const requireScheme = (names: readonly string[], hasScheme: boolean, schemes: string) =>
    names
      .filter((name) => values[name] !== undefined && !hasScheme)
      .map((name) => `${name}: needs a REDIS_URL that begins with ${schemes}`);
  const tls = ['REDIS_TLS_CA_FILE', 'REDIS_TLS_CERT_FILE', 'REDIS_TLS_KEY_FILE'];
  const sentinel = ['REDIS_SENTINEL_USERNAME', 'REDIS_SENTINEL_PASSWORD'];
  return [
    ...requireScheme(tls, url.startsWith('rediss'), 'rediss'),
    ...requireScheme(sentinel, /^rediss?\+sentinel:/.test(url), 'redis+sentinel:// or rediss+sentinel://'),
  ];
}
