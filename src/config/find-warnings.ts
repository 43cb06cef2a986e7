import { isLoopbackHost } from '../domain/loopback-host.ts';
import { suggestName } from '../domain/validation/suggest-name.ts';
import { readHttpApiConfig } from './sections/http-api-config.ts';
import type { Variables } from './variables.ts';

/** Something in the environment that may be a mistake. Logged at the start. */
export interface ConfigWarning {
  /** Names of variables, never values. */
  readonly fields: { readonly variable: string; readonly suggestion?: string };
  readonly message: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** A foreign environment may have many variables that resemble Weir's. */
const MAX_MISSPELLINGS = 10;
/** Shorter names resemble each other by chance. */
const MIN_NAME_LENGTH = 7;
/** Products name their variables with such a prefix. Weir does not. */
const PREFIX = /^WEIR_/;

/** Finds what may be a mistake in an environment without empty variables. `names` are those that Weir knows. */
export function findWarnings(environment: Environment, names: readonly string[]): readonly ConfigWarning[] {
  return [...findMisspellings(environment, names), ...findSeparateCounters(environment)];
}

/**
 * Finds unknown variables whose names resemble a known one that is not set: a misspelled one has no effect, and the
 * default in its place may be less safe.
 */
function findMisspellings(environment: Environment, names: readonly string[]): readonly ConfigWarning[] {
  const unset = names.filter((name) => environment[name] === undefined);
  const misspellings: ConfigWarning[] = [];
  for (const variable of Object.keys(environment)) {
    if (variable.length < MIN_NAME_LENGTH || names.includes(variable)) continue;
    const suggestion = findIntended(variable, unset);
    if (suggestion === undefined) continue;
    const message = 'this variable has no effect; Weir knows one with a similar name';
    misspellings.push({ fields: { variable, suggestion }, message });
    if (misspellings.length === MAX_MISSPELLINGS) break;
  }
  return misspellings;
}

/** Returns the known name that a variable probably stands for: misspelled, in lower case, with a prefix, or cut short. */
function findIntended(variable: string, names: readonly string[]): string | undefined {
  const whole = variable.toUpperCase().replaceAll('-', '_');
  const name = whole.replace(PREFIX, '');
  const exact = names.find((known) => [whole, name, `${whole}_FILE`].includes(known));
  if (exact !== undefined) return exact;
  const similar = names.filter((known) => known[0] === whole[0] && known.length >= MIN_NAME_LENGTH);
  return suggestName(whole, similar);
}

/** Finds addresses of the admin API that other machines reach in clear. */
export function findPlaintextAdmin(env: Variables): readonly ConfigWarning[] {
  const listeners = [
    { variable: 'ADMIN_TLS_CERT_FILE', name: 'ADMIN_ADDRESS', isServed: true },
    { variable: 'HTTP_TLS_CERT_FILE', name: 'HTTP_ADDRESS', isServed: readHttpApiConfig(env) !== undefined },
  ] as const;
  const exposed = listeners.filter(
    ({ variable, name, isServed }) => isServed && env[variable] === undefined && !isLoopbackHost(env[name].host),
  );
  return exposed.map(({ variable, name }) => {
    const message = `${variable} is not set, and ${name} is no loopback address: passwords and tokens cross the network in clear`;
    return { fields: { variable }, message };
  });
}

/** Nodes on one database belong together. Without Redis, each of them grants a whole limit. */
function findSeparateCounters(environment: Environment): readonly ConfigWarning[] {
  const role = environment.WEIR_ROLE ?? 'all';
  if (role === 'all' || environment.DATABASE_URL === undefined || environment.REDIS_URL !== undefined) return [];
  const message = `REDIS_URL is not set: in the role ${role === 'admin' ? 'admin' : 'decision'} this node counts alone, and so does each other node`;
  return [{ fields: { variable: 'REDIS_URL' }, message }];
}
