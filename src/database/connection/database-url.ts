import { suggestName } from '../../domain/validation/suggest-name.ts';

/** How a connection is protected, with libpq's meaning. Modes that fall back to a connection in clear are not offered. */
export const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

/** Stands for the authorities of the system in place of a file. */
export const SYSTEM_ROOT = 'system';

const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
type TlsVersion = (typeof TLS_VERSIONS)[number];

/** The parts of a Postgres URL. */
export interface DatabaseUrl {
  /** The URL without its parameters. */
  readonly address: string;
  readonly host: string;
  readonly sslMode: SslMode;
  /** Path of a PEM file of authorities, or SYSTEM_ROOT. undefined: the certificate of the server is not verified. */
  readonly rootCertificate: string | undefined;
  /** Paths of PEM files. Both or neither are set. */
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly keyPassword: string | undefined;
  /** Path of a PEM file of revoked certificates. */
  readonly revocationList: string | undefined;
  readonly minVersion: TlsVersion | undefined;
  readonly maxVersion: TlsVersion | undefined;
  /** `direct`: the TLS handshake begins at once, without a request in clear before it. */
  readonly negotiation: 'postgres' | 'direct';
  readonly applicationName: string | undefined;
  /** undefined: Weir's own timeout. */
  readonly connectTimeoutSeconds: number | undefined;
  /** Settings of the session, such as `-c search_path=weir`. */
  readonly options: string | undefined;
}

/** A URL that cannot be used. The message names the parameter and repeats no secret. */
export class InvalidDatabaseUrl extends Error {
  override readonly name = 'InvalidDatabaseUrl';
}

const TLS_PARAMETERS = [
  ...['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslpassword', 'sslcrl', 'sslnegotiation'],
  ...['ssl_min_protocol_version', 'ssl_max_protocol_version'],
];
const PARAMETERS = [...TLS_PARAMETERS, 'application_name', 'connect_timeout', 'options'];

/**
 * Parses a Postgres URL with libpq's parameters
 * (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS). Throws InvalidDatabaseUrl for a
 * parameter that is not understood, and for one that would have no effect: nobody may believe that a connection is
 * protected when it is not.
 */
export function parseDatabaseUrl(text: string): DatabaseUrl {
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) {
    reject('must be a URL that begins with postgres:// or postgresql://');
  }
  const url = new URL(text);
  if (url.hash !== '') reject('must not have a #; percent-encode it as %23');
  // In a Postgres URL, unlike in a form, a plus sign is not a space.
  const get = readParameters(new URLSearchParams(url.search.replaceAll('+', '%2B')));
  url.search = '';
  const tls = readTlsParameters(get);
  return {
    address: url.href,
    host: decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1'),
    ...tls,
    applicationName: get('application_name'),
    connectTimeoutSeconds: readSeconds(get('connect_timeout')),
    options: get('options'),
  };
}

function reject(message: string): never {
  throw new InvalidDatabaseUrl(message);
}

/** Checks the names of all parameters. Returns a function that reads one; an empty value counts as unset, as in libpq. */
function readParameters(parameters: URLSearchParams): (name: string) => string | undefined {
  const values = new Map<string, string>();
  for (const [name, value] of parameters) {
    if (!PARAMETERS.includes(name)) rejectParameter(name);
    if (values.has(name)) reject(`must not have the parameter ${name} twice`);
    values.set(name, value);
  }
  return (name) => values.get(name) || undefined;
}

function rejectParameter(name: string): never {
  // Anything else may be a part of a password that is not percent-encoded.
  if (!/^[A-Za-z][\w.-]{0,39}$/.test(name)) reject('must have only parameters that Weir understands');
  const suggestion = suggestName(name.toLowerCase(), PARAMETERS);
  const hint = suggestion === undefined ? '' : `; did you mean "${suggestion}"?`;
  reject(`must have only parameters that Weir understands (got "${name}"${hint}): ${PARAMETERS.join(', ')}`);
}

type Get = (name: string) => string | undefined;

function readTlsParameters(get: Get) {
  const rootCertificate = get('sslrootcert');
  const [certificate, key] = [get('sslcert'), get('sslkey')];
  const sslMode = readMode(get, rootCertificate);
  if (sslMode === 'disable') rejectIneffective(get);
  if ((certificate === undefined) !== (key === undefined)) {
    reject('must have both sslcert and sslkey; a certificate and its key belong together');
  }
  if (key === undefined && get('sslpassword') !== undefined) reject('must have sslkey with sslpassword');
  return {
    sslMode,
    rootCertificate: rootCertificate ?? (sslMode === 'verify-full' ? SYSTEM_ROOT : undefined),
    certificate,
    key,
    keyPassword: get('sslpassword'),
    revocationList: get('sslcrl'),
    minVersion: readChoice(get, 'ssl_min_protocol_version', TLS_VERSIONS),
    maxVersion: readChoice(get, 'ssl_max_protocol_version', TLS_VERSIONS),
    negotiation: readChoice(get, 'sslnegotiation', ['postgres', 'direct'] as const) ?? 'postgres',
  };
}

/** As in libpq, a root certificate turns `require` into `verify-ca`, and the system's authorities need `verify-full`. */
function readMode(get: Get, rootCertificate: string | undefined): SslMode {
  const given = get('sslmode');
  if (given === 'allow' || given === 'prefer') {
    reject(
      `must have a sslmode of ${SSL_MODES.join(', ')} (got "${given}"): ${given} would fall back to a connection in clear`,
    );
  }
  const mode = readChoice(get, 'sslmode', SSL_MODES);
  if (rootCertificate === SYSTEM_ROOT && mode !== 'disable') {
    if (mode !== undefined && mode !== 'verify-full') {
      reject(
        `must have sslmode=verify-full with sslrootcert=system: anybody can get a certificate from such authorities`,
      );
    }
    return 'verify-full';
  }
  if (mode === 'verify-ca' && rootCertificate === undefined) reject('must have sslrootcert with sslmode=verify-ca');
  if (mode === 'require' && rootCertificate !== undefined) return 'verify-ca';
  if (mode === 'require' && get('sslcrl') !== undefined) reject('must have sslrootcert with sslcrl');
  return mode ?? 'disable';
}

/** Rejects parameters of TLS on a connection in clear. */
function rejectIneffective(get: Get): void {
  const ineffective = TLS_PARAMETERS.find((name) => name !== 'sslmode' && get(name) !== undefined);
  if (ineffective === undefined || (ineffective === 'sslnegotiation' && get(ineffective) === 'postgres')) return;
  reject(
    `must have a sslmode of require, verify-ca or verify-full with ${ineffective}, which has no effect without TLS`,
  );
}

function readChoice<Choice extends string>(get: Get, name: string, choices: readonly Choice[]): Choice | undefined {
  const value = get(name);
  if (value === undefined) return undefined;
  const choice = choices.find((known) => known === value);
  if (choice !== undefined) return choice;
  const found = /^[\w.-]{1,20}$/.test(value) ? ` (got "${value}"${formatSuggestion(value, choices)})` : '';
  reject(`must have a ${name} of ${choices.join(', ')}${found}`);
}

function formatSuggestion(value: string, choices: readonly string[]): string {
  const suggestion = suggestName(value, choices);
  return suggestion === undefined ? '' : `; did you mean "${suggestion}"?`;
}

const MAX_CONNECT_TIMEOUT_SECONDS = 300;

function readSeconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= MAX_CONNECT_TIMEOUT_SECONDS) return seconds;
  reject(`must have a connect_timeout that is a whole number of seconds from 1 to ${MAX_CONNECT_TIMEOUT_SECONDS}`);
}
