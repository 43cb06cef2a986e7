import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from './run-command.ts';

/** Paths of PEM files in a folder of their own. */
export interface Certificates {
  readonly caFile: string;
  /** Signed by the CA, for localhost and 127.0.0.1; good for a server and a client. */
  readonly certFile: string;
  readonly keyFile: string;
  remove(): Promise<void>;
}

/** A new authority and one certificate of it, good for two days. Needs openssl. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-certificates-'));
  const at = (file: string) => path.join(folder, file);
  const newKey = (file: string) => [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    file,
  ];
  const files = { caFile: at('ca.crt'), certFile: at('server.crt'), keyFile: at('server.key') };
  await run('openssl', 'req', '-x509', ...newKey(at('ca.key')), '-subj', '/CN=CA', '-days', '2', '-out', files.caFile);
  await run('openssl', 'req', ...newKey(files.keyFile), '-subj', '/CN=server', '-out', at('request'));
  await writeFile(at('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  const authority = ['-CA', files.caFile, '-CAkey', at('ca.key'), '-CAcreateserial'];
  const signing = ['-req', '-in', at('request'), ...authority, '-days', '2', '-extfile', at('names')];
  await run('openssl', 'x509', ...signing, '-out', files.certFile);
  return { ...files, remove: () => rm(folder, { recursive: true }) };
}

/** Options of a Redis server that takes TLS on the port, and asks callers for a certificate of the same authority. */
export function tlsOptions(port: number, { caFile, certFile, keyFile }: Certificates): readonly string[] {
  const files = ['--tls-ca-cert-file', caFile, '--tls-cert-file', certFile, '--tls-key-file', keyFile];
  return ['--tls-port', `${port}`, ...files];
}
