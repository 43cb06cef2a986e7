import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runCommand } from './run-command.ts';

/** Paths of PEM files in a temporary folder. */
export interface Certificates {
  readonly caFile: string;
  /** Certificate that the CA signed, for a server and for a client. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Deletes the folder. */
  remove(): Promise<void>;
}

const NEW_KEY_OPTIONS = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout'];
const VALIDITY_DAYS = 2;

export interface CertificateOptions {
  /** Names of the certificate, as a subjectAltName. Default: localhost and 127.0.0.1. */
  readonly names?: string;
  /** Days for which the certificate is valid. Negative: it has expired. Default: 2. */
  readonly days?: number;
}

/** Creates a certificate authority and one certificate of it. Needs openssl. */
export async function createCertificates({
  names = 'DNS:localhost,IP:127.0.0.1',
  days: validDays = VALIDITY_DAYS,
}: CertificateOptions = {}): Promise<Certificates> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-certificates-'));
  const inFolder = (file: string) => path.join(folder, file);
  const days = ['-days', `${VALIDITY_DAYS}`];
  const files = { caFile: inFolder('ca.crt'), certFile: inFolder('server.crt'), keyFile: inFolder('server.key') };
  const [caKey, request, extensions] = [inFolder('ca.key'), inFolder('request'), inFolder('extensions')];
  const selfSigned = ['req', '-x509', ...NEW_KEY_OPTIONS, caKey, '-subj', '/CN=CA', ...days, '-out', files.caFile];
  await runCommand('openssl', ...selfSigned);
  await runCommand('openssl', 'req', ...NEW_KEY_OPTIONS, files.keyFile, '-subj', '/CN=server', '-out', request);
  await writeFile(extensions, `subjectAltName=${names}\n`);
  const authority = ['-CA', files.caFile, '-CAkey', caKey, '-CAcreateserial'];
  const signing = ['-req', '-in', request, ...authority, '-days', `${validDays}`, '-extfile', extensions];
  await runCommand('openssl', 'x509', ...signing, '-out', files.certFile);
  return { ...files, remove: () => rm(folder, { recursive: true }) };
}

/** Options of a Redis server that accepts TLS on the port and requires a client certificate of the same authority. */
export function redisTlsOptions(port: number, { caFile, certFile, keyFile }: Certificates): readonly string[] {
  const files = ['--tls-ca-cert-file', caFile, '--tls-cert-file', certFile, '--tls-key-file', keyFile];
  return ['--tls-port', `${port}`, ...files];
}
