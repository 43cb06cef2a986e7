import { chmod, chown, copyFile, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startEmbeddedPostgres } from '../src/database/embedded/embedded-postgres.ts';
import { createQuery, openDatabase } from '../src/database/open-database.ts';
import type { Certificates } from './certificates.ts';
import { createTemporaryFolder } from './postgres.ts';

/** A Postgres that accepts TLS connections, and connections in clear unless it requires TLS. */
export interface TlsPostgres {
  /** URL without parameters, by the address 127.0.0.1. */
  readonly url: string;
  stop(): Promise<void>;
}

export interface TlsPostgresOptions {
  readonly certificates: Pick<Certificates, 'caFile' | 'certFile' | 'keyFile'>;
  /** Whether clients must use TLS and present a certificate of the same authority. */
  readonly requiresClientCertificate?: boolean;
}

/** Starts a Postgres of its own whose certificate is the given one. */
export async function startTlsPostgres(options: TlsPostgresOptions): Promise<TlsPostgres> {
  const { certificates, requiresClientCertificate = false } = options;
  const dataFolder = await createTemporaryFolder();
  const log = { info: () => {}, warn: console.warn, error: console.error };
  const settings = { fsync: 'off' };
  const embedded = await startEmbeddedPostgres({ dataFolder, log, settings, roleAttributes: 'superuser' });
  const cluster = path.join(dataFolder, 'postgres', 'data');
  await copyCertificates(certificates, cluster);
  const hba = path.join(cluster, 'pg_hba.conf');
  const rules = requiresClientCertificate
    ? 'hostnossl all all all reject\nhostssl all all all scram-sha-256 clientcert=verify-ca\n'
    : await readFile(hba, 'utf8');
  const database = await openDatabase({ url: embedded.url });
  const query = createQuery(database);
  for (const [name, value] of Object.entries({ ssl: 'on', ssl_cert_file: 'tls.crt', ssl_key_file: 'tls.key' })) {
    await query(`alter system set ${name} = '${value}'`, []);
  }
  await query(`alter system set ssl_ca_file = 'ca.crt'`, []);
  await writeFile(hba, rules);
  await query('select pg_reload_conf()', []);
  await database.close(true);
  const stop = async () => {
    await embedded.stop();
    await rm(dataFolder, { recursive: true });
  };
  return { url: embedded.url, stop };
}

/** Copies the files into the folder of the cluster, for the user that Postgres runs as: it accepts no other owner. */
async function copyCertificates({ caFile, certFile, keyFile }: TlsPostgresOptions['certificates'], cluster: string) {
  const { uid, gid } = await stat(cluster);
  for (const [source, name] of [
    [caFile, 'ca.crt'],
    [certFile, 'tls.crt'],
    [keyFile, 'tls.key'],
  ] as const) {
    const target = path.join(cluster, name);
    await copyFile(source, target);
    await chown(target, uid, gid);
    await chmod(target, 0o600);
  }
}
