import { readFileSync } from 'node:fs';
import {
  checkServerIdentity,
  createSecureContext,
  getCACertificates,
  type PeerCertificate,
  type SecureContextOptions,
} from 'node:tls';
import { type DatabaseUrl, InvalidDatabaseUrl, SYSTEM_ROOT } from './database-url.ts';

/** Options of the TLS connections to Postgres. node-postgres passes them on to `tls.connect`. */
export interface TlsOptions extends SecureContextOptions {
  readonly rejectUnauthorized: boolean;
  /** Returns why the certificate is not that of the server; undefined: it is. */
  readonly checkServerIdentity: (servername: string, certificate: PeerCertificate) => Error | undefined;
}

/**
 * Reads the files that a URL names. Returns false for a connection in clear. Throws InvalidDatabaseUrl for a file that
 * cannot be read or used. The message names the parameter and not the path.
 */
export function readTlsOptions(url: DatabaseUrl): TlsOptions | false {
  const { sslMode, host, rootCertificate, minVersion, maxVersion, keyPassword } = url;
  if (sslMode === 'disable') return false;
  const ca = rootCertificate === undefined ? undefined : readRoot(rootCertificate);
  const cert = readPem('sslcert', url.certificate);
  const key = readPem('sslkey', url.key);
  const crl = readPem('sslcrl', url.revocationList);
  const files: SecureContextOptions = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(crl !== undefined && { crl }),
    ...(keyPassword !== undefined && { passphrase: keyPassword }),
    ...(minVersion !== undefined && { minVersion }),
    ...(maxVersion !== undefined && { maxVersion }),
  };
  assertUsable(files);
  return {
    ...files,
    rejectUnauthorized: sslMode !== 'require',
    // Node.js would compare the certificate of a server that is reached by its address with "localhost".
    checkServerIdentity: (_, certificate) =>
      sslMode === 'verify-full' ? checkServerIdentity(host, certificate) : undefined,
  };
}

function readRoot(rootCertificate: string): string | string[] {
  if (rootCertificate === SYSTEM_ROOT) {
    const ofSystem = getCACertificates('system');
    // Small container images have no authorities.
    return ofSystem.length > 0 ? ofSystem : getCACertificates('default');
  }
  const pem = readPem('sslrootcert', rootCertificate) ?? '';
  // Node.js trusts its own authorities where it is given none.
  if (!/-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----/.test(pem)) {
    throw new InvalidDatabaseUrl('must have as sslrootcert the path of a PEM file with certificates');
  }
  return pem;
}

function readPem(parameter: string, file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new InvalidDatabaseUrl(`must have as ${parameter} the path of a readable file`);
  }
}

/** Checks that OpenSSL accepts the files, so that a wrong one ends the start and not the first connection. */
function assertUsable({ ca, cert, key, crl, passphrase, ...versions }: SecureContextOptions): void {
  const parts: readonly [string, SecureContextOptions][] = [
    ['sslrootcert', { ...(ca !== undefined && { ca }) }],
    ['sslcert', { ...(cert !== undefined && { cert }) }],
    ['sslkey', { ...(key !== undefined && { key, ...(passphrase !== undefined && { passphrase }) }) }],
    ['sslcrl', { ...(crl !== undefined && { crl }) }],
    ['sslkey', { ...(cert !== undefined && { cert, key, passphrase }) }],
    ['ssl_min_protocol_version and ssl_max_protocol_version', versions],
  ];
  for (const [parameter, options] of parts) {
    try {
      createSecureContext(options);
    } catch {
      throw new InvalidDatabaseUrl(`must have a ${parameter} that can be used: PEM files that belong together`);
    }
  }
}
