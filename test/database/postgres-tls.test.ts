import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Certificates, createCertificates } from '../../provision/certificates.ts';
import { startTlsPostgres, type TlsPostgres } from '../../provision/postgres-tls.ts';
import { createQuery, openDatabase } from '../../src/database/open-database.ts';

/** Each authority has signed one certificate: a valid one, one for another host, and one that has expired. */
let certificates: Readonly<Record<'valid' | 'otherHost' | 'expired', Certificates>>;
let servers: Readonly<Record<'valid' | 'otherHost' | 'expired' | 'strict', TlsPostgres>>;

beforeAll(async () => {
  const [valid, otherHost, expired] = await Promise.all([
    createCertificates(),
    createCertificates({ names: 'DNS:other.example' }),
    createCertificates({ days: -1 }),
  ]);
  certificates = { valid, otherHost, expired };
  servers = {
    valid: await startTlsPostgres({ certificates: valid }),
    otherHost: await startTlsPostgres({ certificates: otherHost }),
    expired: await startTlsPostgres({ certificates: expired }),
    strict: await startTlsPostgres({ certificates: valid, requiresClientCertificate: true }),
  };
});
afterAll(async () => {
  for (const server of Object.values(servers ?? {})) await server.stop();
  for (const files of Object.values(certificates ?? {})) await files.remove();
});

/** Connects with parameters. Returns whether the connection uses TLS, or why it failed. */
async function connect(server: keyof typeof servers, parameters: Readonly<Record<string, string>>, host?: string) {
  const url = new URL(servers[server].url);
  if (host !== undefined) url.hostname = host;
  const database = await openDatabase({ url: `${url.href}?${new URLSearchParams(parameters)}` });
  try {
    const [row] = (await createQuery(database)('select ssl from pg_stat_ssl where pid = pg_backend_pid()', [])) as {
      ssl: boolean;
    }[];
    return row?.ssl === true ? 'encrypted' : 'in clear';
  } catch (error) {
    const { password } = url;
    expect(String(error)).not.toContain(password);
    return String(error);
  } finally {
    await database.close(true);
  }
}

const root = (name: keyof typeof certificates) => ({ sslrootcert: certificates[name].caFile });

describe('a connection to Postgres', () => {
  it('is in clear without sslmode and with sslmode=disable', async () => {
    expect(await connect('valid', {})).toBe('in clear');
    expect(await connect('valid', { sslmode: 'disable' })).toBe('in clear');
  });

  it('is encrypted with sslmode=require, whatever certificate the server has', async () => {
    for (const server of ['valid', 'otherHost', 'expired'] as const) {
      expect(await connect(server, { sslmode: 'require' })).toBe('encrypted');
    }
  });

  it('verifies the authority with sslmode=verify-ca, and with require and a root, but not the name', async () => {
    for (const sslmode of ['verify-ca', 'require']) {
      expect(await connect('valid', { sslmode, ...root('valid') })).toBe('encrypted');
      expect(await connect('otherHost', { sslmode, ...root('otherHost') })).toBe('encrypted');
      expect(await connect('valid', { sslmode, ...root('otherHost') })).toMatch(/certificate/);
      expect(await connect('expired', { sslmode, ...root('expired') })).toMatch(/expired/);
    }
  });

  it('verifies authority and name with sslmode=verify-full, of a host and of an address', async () => {
    const sslmode = 'verify-full';
    for (const host of ['localhost', '127.0.0.1']) {
      expect(await connect('valid', { sslmode, ...root('valid') }, host)).toBe('encrypted');
      expect(await connect('otherHost', { sslmode, ...root('otherHost') }, host)).toMatch(/does not match/);
    }
    expect(await connect('valid', { sslmode, ...root('expired') })).toMatch(/certificate/);
    expect(await connect('expired', { sslmode, ...root('expired') })).toMatch(/expired/);
  });

  it('trusts only the authorities of the system with sslrootcert=system, and with verify-full without a root', async () => {
    expect(await connect('valid', { sslrootcert: 'system' })).toMatch(/certificate/);
    expect(await connect('valid', { sslmode: 'verify-full', sslrootcert: 'system' })).toMatch(/certificate/);
    expect(await connect('valid', { sslmode: 'verify-full' })).toMatch(/certificate/);
  });

  it('presents the certificate of sslcert and sslkey to a server that requires one', async () => {
    const { caFile: sslrootcert, certFile: sslcert, keyFile: sslkey } = certificates.valid;
    const trusted = { sslmode: 'verify-full', sslrootcert };
    expect(await connect('strict', { ...trusted, sslcert, sslkey })).toBe('encrypted');
    expect(await connect('strict', trusted)).toMatch(/client certificate/);
    expect(await connect('strict', { sslmode: 'disable' })).toMatch(/pg_hba|no encryption|rejects/);
    const { certFile, keyFile } = certificates.otherHost;
    expect(await connect('strict', { ...trusted, sslcert: certFile, sslkey: keyFile })).not.toBe('encrypted');
  });

  it('speaks only the versions of TLS that the URL allows', async () => {
    const versions = { ssl_min_protocol_version: 'TLSv1.2', ssl_max_protocol_version: 'TLSv1.2' };
    expect(await connect('valid', { sslmode: 'require', ...versions })).toBe('encrypted');
  });
});
