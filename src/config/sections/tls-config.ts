import type { z } from 'zod';
import { certificatesFile, clientIdentities, readableFile } from '../formats.ts';

export const tlsVariables = {
  DECISION_TLS_CERT_FILE: readableFile.optional(),
  DECISION_TLS_KEY_FILE: readableFile.optional(),
  DECISION_TLS_CLIENT_CA_FILE: certificatesFile.optional(),
  DECISION_CLIENT_IDENTITIES: clientIdentities.optional(),
  ADMIN_TLS_CERT_FILE: readableFile.optional(),
  ADMIN_TLS_KEY_FILE: readableFile.optional(),
  ADMIN_TLS_CLIENT_CA_FILE: certificatesFile.optional(),
  HTTP_TLS_CERT_FILE: readableFile.optional(),
  HTTP_TLS_KEY_FILE: readableFile.optional(),
  HTTP_TLS_CLIENT_CA_FILE: certificatesFile.optional(),
};

type TlsVariables = z.infer<z.ZodObject<typeof tlsVariables>>;
type Environment = Readonly<Record<string, string | undefined>>;

const LISTENERS = ['DECISION', 'ADMIN', 'HTTP'] as const;

/** TLS of a listener. The PEM files are read again when they change. */
export interface TlsSettings {
  readonly certFile: string;
  readonly keyFile: string;
  /** Authorities. If set, callers must present a certificate that one of them signed. */
  readonly clientCaFile?: string;
  /** SPIFFE ids and names of the clients that may connect; undefined: all with such a certificate. */
  readonly clientIdentities?: readonly string[] | undefined;
}

/** TLS of the listeners. undefined: in clear. */
export interface TlsConfig {
  readonly decision: TlsSettings | undefined;
  readonly admin: TlsSettings | undefined;
  /** That of HTTP_ADDRESS. Those of METRICS_ADDRESS and JSON_ADDRESS are in clear. */
  readonly http: TlsSettings | undefined;
}

export function readTlsConfig(env: TlsVariables): TlsConfig {
  return {
    decision: readTlsSettings('DECISION', env, env.DECISION_CLIENT_IDENTITIES),
    admin: readTlsSettings('ADMIN', env),
    http: readTlsSettings('HTTP', env),
  };
}

function readTlsSettings(
  listener: (typeof LISTENERS)[number],
  env: TlsVariables,
  identities?: readonly string[],
): TlsSettings | undefined {
  const certFile = env[`${listener}_TLS_CERT_FILE`];
  const keyFile = env[`${listener}_TLS_KEY_FILE`];
  const clientCaFile = env[`${listener}_TLS_CLIENT_CA_FILE`];
  if (certFile === undefined || keyFile === undefined) return undefined;
  if (clientCaFile === undefined) return { certFile, keyFile };
  return { certFile, keyFile, clientCaFile, ...(identities !== undefined && { clientIdentities: identities }) };
}

/** Finds settings of TLS that only make sense together, or that would be ignored although someone relies on them. */
export function findTlsConflicts(values: Environment): readonly string[] {
  const faults: string[] = [];
  for (const listener of LISTENERS) {
    const name = `${listener}_TLS`;
    faults.push(...findUnpairedFiles(name, values));
    if (values[`${name}_KEY_FILE`] === undefined && values[`${name}_CLIENT_CA_FILE`] !== undefined) {
      faults.push(`${name}_CLIENT_CA_FILE: needs ${name}_CERT_FILE and ${name}_KEY_FILE`);
    }
  }
  if (values.DECISION_TLS_CLIENT_CA_FILE === undefined && values.DECISION_CLIENT_IDENTITIES !== undefined) {
    faults.push('DECISION_CLIENT_IDENTITIES: needs DECISION_TLS_CLIENT_CA_FILE, which proves who a client is');
  }
  return faults;
}

/** Finds a certificate without its key, or the other way around. `name` is what both variables begin with. */
export function findUnpairedFiles(name: string, values: Environment): readonly string[] {
  const hasKey = values[`${name}_KEY_FILE`] !== undefined;
  if (hasKey === (values[`${name}_CERT_FILE`] !== undefined)) return [];
  return [`${name}_${hasKey ? 'CERT' : 'KEY'}_FILE: must be set; a certificate and its key belong together`];
}
