import { mkdtempSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { rootCertificates } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { InvalidConfig, readConfig } from './config.ts';

/** Path of a PEM file with a certificate. */
const caFile = path.join(mkdtempSync(path.join(tmpdir(), 'weir-config-')), 'ca.pem');
writeFileSync(caFile, `${rootCertificates[0]}\n`);

describe('the configuration', () => {
  it('has a default for every variable', () => {
    expect(readConfig({})).toMatchObject({
      decisionAddress: { host: '127.0.0.1', port: 8081 },
      adminAddress: { host: '127.0.0.1', port: 8082 },
      httpAddress: { host: '127.0.0.1', port: 8080 },
      databaseUrl: undefined,
      redisUrl: undefined,
      dataDir: '.weir',
      role: 'all',
    });
  });

  it('does not limit the age of connections by default', () => {
    expect(readConfig({}).maxConnectionAgeMs).toBeUndefined();
    expect(readConfig({ DECISION_MAX_CONNECTION_AGE: '10s' }).maxConnectionAgeMs).toBe(10_000);
    expect(readConfig({ DECISION_MAX_CONNECTION_AGE: '7d' }).maxConnectionAgeMs).toBe(604_800_000);
  });

  it('accepts imported API keys unless their format is left out', () => {
    expect(readConfig({}).acceptsImportedKeys).toBe(true);
    expect(readConfig({ API_KEY_FORMATS: 'imported, weir' }).acceptsImportedKeys).toBe(true);
    expect(readConfig({ API_KEY_FORMATS: 'weir' }).acceptsImportedKeys).toBe(false);
    for (const API_KEY_FORMATS of ['imported', 'weir,jwt', 'weir,']) {
      expect(() => readConfig({ API_KEY_FORMATS })).toThrow('API_KEY_FORMATS: must be weir or weir,imported');
    }
  });

  it('treats an empty variable as unset', () => {
    expect(readConfig({ REDIS_URL: '', WEIR_ROLE: '' })).toMatchObject({ redisUrl: undefined, role: 'all' });
  });

  it('accepts an IPv6 address in brackets', () => {
    expect(readConfig({ DECISION_ADDRESS: '[::1]:9000' }).decisionAddress).toEqual({ host: '::1', port: 9000 });
  });

  it('reads a secret from the file that NAME_FILE names', () => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'weir-config-')), 'pepper');
    writeFileSync(file, 'a pepper of some length\n');
    expect(readConfig({ KEY_PEPPER_FILE: file }).keyPepper).toBe('a pepper of some length');
    expect(() => readConfig({ KEY_PEPPER_FILE: file, KEY_PEPPER: 'another pepper, too' })).toThrow(
      'KEY_PEPPER: must be set either itself or as KEY_PEPPER_FILE, not both',
    );
    expect(() => readConfig({ KEY_PEPPER_FILE: '/does/not/exist' })).toThrow('KEY_PEPPER_FILE');
  });

  it.each([
    ['DECISION_ADDRESS', 'host', 'must be host:port, such as 127.0.0.1:8081'],
    ['ADMIN_ADDRESS', '127.0.0.1:70000', 'must be host:port, such as 127.0.0.1:8081'],
    ['REDIS_TLS_CA_FILE', '/no/pem', 'must be the path of a readable file'],
    ['ADMIN_EMAIL', 'nobody', 'must be an e-mail address'],
    ['WEIR_ROLE', 'leader', 'must be all, admin or decision'],
    ['CATALOG_MAX_STALENESS', '0', 'must be a whole number of seconds from 1 to 999999'],
    ['WORKERS', '0', 'must be auto or a whole number from 1 to 256'],
    ['WORKERS', '257', 'must be auto or a whole number from 1 to 256'],
    ['WORKERS', 'all', 'must be auto or a whole number from 1 to 256'],
    ['LOG_LEVEL', 'loud', 'must be trace, debug, info, warn, error or fatal'],
    ['RATE_LIMIT_HEADERS', 'some', 'must be auto, all, refused or off'],
    ['CHECK_ERRORS', 'allow', 'must be deny or error'],
    ['SHADOW_MODE', 'yes', 'must be true or false'],
    ['TOKEN_ALGORITHM', 'HS512', 'must be one of EdDSA, ES256, RS256, HS256'],
    ['TOKEN_KEY_ROTATION', '59m', 'must be a whole number and a unit, such as 90d, and at least 1h'],
    ['TOKEN_KEY_ROTATION', 'monthly', 'must be a whole number and a unit, such as 90d, and at least 1h'],
    ['DECISION_MAX_CONNECTION_AGE', '9s', 'must be a whole number and a unit, such as 5m, from 10s to 7d'],
    ['DECISION_MAX_CONNECTION_AGE', '8d', 'must be a whole number and a unit, such as 5m, from 10s to 7d'],
    ['DECISION_MAX_CONNECTION_AGE', '300', 'must be a whole number and a unit, such as 5m, from 10s to 7d'],
    ['DECISION_MAX_CONNECTION_AGE', '0s', 'must be a whole number and a unit, such as 5m, from 10s to 7d'],
    ['ACCESS_TOKEN_SECONDS', '59', 'must be a whole number of seconds from 60 to 86400'],
    ['REFRESH_TOKEN_SECONDS', '31536001', 'must be a whole number of seconds from 60 to 31536000'],
    ['API_KEY_FORMATS', 'any', 'must be weir or weir,imported'],
    ['MAX_TOKEN_BYTES', '1023', 'must be a whole number of bytes from 1024 to 65536'],
    ['MAX_TOKEN_BYTES', '65537', 'must be a whole number of bytes from 1024 to 65536'],
    ['MAX_TOKEN_BYTES', '16 KiB', 'must be a whole number of bytes from 1024 to 65536'],
  ])('rejects %s=%s and says what was expected and what was found', (name, value, expected) => {
    const read = () => readConfig({ [name]: value });
    expect(read).toThrow(InvalidConfig);
    expect(read).toThrow(`${name}: ${expected} (got "${value}")`);
  });

  it.each([
    ['DATABASE_URL', 'mysql://localhost/weir'],
    ['REDIS_URL', 'localhost:6379'],
    ['REDIS_URL', 'redis+cluster://:correct-horse@a:99999'],
    ['REDIS_URL', 'redis+sentinel://:correct-horse@/master'],
    ['ADMIN_PASSWORD', 'short'],
    ['KEY_PEPPER', 'salt'],
    ['KEY_PEPPER_PREVIOUS', 'salt'],
    ['SIGNING_KEY_SECRET', 'thirty-one characters are short'],
    ['HTTP_ADDRESS', 'http://127.0.0.1:80'],
    ['METRICS_ADDRESS', 'http://127.0.0.1:80'],
    ['JSON_ADDRESS', 'http://127.0.0.1:80'],
    // Secrets in the wrong variable.
    ['WEIR_ROLE', 'wk_live_0123456789abcdefghijklmnop'],
    ['LOG_LEVEL', 'hunter22'],
  ])('rejects a wrong %s without repeating its value', (name, value) => {
    const read = () => readConfig({ [name]: value });
    expect(read).toThrow(InvalidConfig);
    expect(read).toThrow(`${name}: `);
    expect(read).not.toThrow(value);
  });

  it('accepts hosts for plain http with and without a port', () => {
    expect(readConfig({}).insecureHttpIssuerHosts).toEqual(new Set());
    const hosts = readConfig({
      INSECURE_HTTP_ISSUER_HOSTS: 'keycloak.auth.svc:8080, 10.0.0.5',
    }).insecureHttpIssuerHosts;
    expect(hosts).toEqual(new Set(['keycloak.auth.svc:8080', '10.0.0.5']));
    for (const hosts of ['http://keycloak', '*', 'keycloak/realms']) {
      expect(() => readConfig({ INSECURE_HTTP_ISSUER_HOSTS: hosts })).toThrow(
        'INSECURE_HTTP_ISSUER_HOSTS: must be hosts without a scheme, a path or a wildcard',
      );
    }
  });

  it('has as many workers as WORKERS says, which needs Redis for more than one', () => {
    const redis = { REDIS_URL: 'redis://localhost' };
    expect(readConfig({}).workers).toBe(1);
    expect(readConfig({ WORKERS: '4', ...redis }).workers).toBe(4);
    expect(readConfig({ WORKERS: 'auto', ...redis }).workers).toBe(availableParallelism());
    expect(readConfig({ WORKERS: '4', WEIR_ROLE: 'admin', ...redis }).workers).toBe(1);
    for (const WORKERS of ['2', 'auto']) {
      expect(() => readConfig({ WORKERS })).toThrow('WORKERS: must be 1 without REDIS_URL');
    }
  });

  it('reports all faults at once', () => {
    const message = /^(?=.*REDIS_URL)(?=.*WEIR_ROLE)(?=.*HTTP_ADDRESS)/s;
    expect(() => readConfig({ REDIS_URL: 'x', WEIR_ROLE: 'y', HTTP_ADDRESS: 'z' })).toThrow(message);
  });

  it('requires the certificate and the key of the data plane together', () => {
    const file = 'package.json'; // any file that can be read
    const pair = { DECISION_TLS_CERT_FILE: file, DECISION_TLS_KEY_FILE: file };
    expect(readConfig(pair).tls.decision).toEqual({ certFile: file, keyFile: file });
    expect(readConfig({ ...pair, DECISION_TLS_CLIENT_CA_FILE: caFile }).tls.decision).toMatchObject({
      clientCaFile: caFile,
    });
    const identities = {
      ...pair,
      DECISION_TLS_CLIENT_CA_FILE: caFile,
      DECISION_CLIENT_IDENTITIES: 'spiffe://a/b/*, envoy',
    };
    expect(readConfig(identities).tls.decision?.clientIdentities).toEqual(['spiffe://a/b/*', 'envoy']);
    expect(() => readConfig({ ...pair, DECISION_CLIENT_IDENTITIES: 'envoy' })).toThrow(
      'DECISION_CLIENT_IDENTITIES: needs',
    );
    for (const faulty of ['envoy,', '*', 'spiffe://a/*/b', 'spiffe://', 'a b'])
      expect(() => readConfig({ ...identities, DECISION_CLIENT_IDENTITIES: faulty }), faulty).toThrow(
        'DECISION_CLIENT_IDENTITIES: must be',
      );
    expect(() => readConfig({ DECISION_TLS_KEY_FILE: file })).toThrow('DECISION_TLS_CERT_FILE: must be set');
    expect(() => readConfig({ DECISION_TLS_CLIENT_CA_FILE: caFile })).toThrow('DECISION_TLS_CLIENT_CA_FILE: needs');
    expect(() => readConfig({ ...pair, DECISION_TLS_KEY_FILE: 'no/such' })).toThrow('DECISION_TLS_KEY_FILE: must be');
  });

  it.each(['ADMIN', 'HTTP'] as const)('requires the certificate and the key of %s_ADDRESS together', (listener) => {
    const [file, name] = ['package.json', `${listener}_TLS`];
    const pair = { [`${name}_CERT_FILE`]: file, [`${name}_KEY_FILE`]: file, [`${name}_CLIENT_CA_FILE`]: caFile };
    const settings = { certFile: file, keyFile: file, clientCaFile: caFile };
    expect(readConfig(pair).tls).toMatchObject({ [listener.toLowerCase()]: settings, decision: undefined });
    expect(() => readConfig({ [`${name}_KEY_FILE`]: file })).toThrow(`${name}_CERT_FILE: must be set`);
    expect(() => readConfig({ [`${name}_CLIENT_CA_FILE`]: caFile })).toThrow(`${name}_CLIENT_CA_FILE: needs`);
  });

  it('accepts TLS files and a Sentinel user only with a Redis URL that uses them', () => {
    const file = 'package.json'; // any file that can be read
    const files = { REDIS_TLS_CA_FILE: caFile, REDIS_TLS_CERT_FILE: file, REDIS_TLS_KEY_FILE: file };
    const user = { REDIS_SENTINEL_USERNAME: 'weir', REDIS_SENTINEL_PASSWORD: 'correct-horse' };
    const url = 'rediss+sentinel://a,b/master';
    expect(readConfig({ REDIS_URL: url, ...files, ...user })).toMatchObject({
      redisUrl: url,
      redisAccess: {
        tls: { caFile, certFile: file, keyFile: file },
        sentinel: { username: 'weir', password: 'correct-horse' },
      },
    });
    expect(() => readConfig({ REDIS_URL: 'redis://a', ...files })).toThrow('REDIS_TLS_CA_FILE: needs a REDIS_URL');
    expect(() => readConfig({ REDIS_URL: 'rediss+cluster://a', ...user })).toThrow('REDIS_SENTINEL_PASSWORD: needs');
    expect(() => readConfig({ REDIS_URL: 'rediss://a', REDIS_TLS_KEY_FILE: file })).toThrow(
      'REDIS_TLS_CERT_FILE: must be set',
    );
  });

  it('rejects a file of authorities without a certificate, which would mean to trust those of Node.js', () => {
    const file = 'package.json'; // any file that can be read
    for (const name of ['REDIS_TLS_CA_FILE', 'DECISION_TLS_CLIENT_CA_FILE']) {
      expect(() => readConfig({ [name]: file })).toThrow(`${name}: must be the path of a PEM file with certificates`);
    }
  });

  it('honours the TLS parameters of DATABASE_URL and the variables of libpq, and ignores none', () => {
    const url = 'postgres://weir:correct-horse@db/weir';
    expect(readConfig({ DATABASE_URL: `${url}?sslmode=verify-full&sslrootcert=${caFile}` }).databaseUrl).toContain(
      caFile,
    );
    expect(readConfig({ DATABASE_URL: url, PGSSLMODE: 'require' }).databaseUrl).toBe(`${url}?sslmode=require`);
    const both = { DATABASE_URL: `${url}?sslmode=require`, PGSSLMODE: 'disable', PGSSLROOTCERT: caFile };
    expect(readConfig(both).databaseUrl).toBe(`${url}?sslmode=require&sslrootcert=${encodeURIComponent(caFile)}`);
    for (const [environment, fault] of [
      [{ DATABASE_URL: `${url}?sslmode=verify-fulll` }, 'DATABASE_URL: must have a sslmode'],
      [{ DATABASE_URL: `${url}?ssl_mode=require` }, 'DATABASE_URL: must have only parameters'],
      [{ DATABASE_URL: `${url}?sslmode=verify-full&sslrootcert=/no/file` }, 'DATABASE_URL: must have as sslrootcert'],
      [
        { DATABASE_URL: `${url}?sslmode=verify-full&sslrootcert=package.json` },
        'DATABASE_URL: must have as sslrootcert',
      ],
      [{ DATABASE_URL: url, PGSSLMODE: 'prefer' }, 'DATABASE_URL: must have a sslmode'],
      [{ DATABASE_URL: url, PGSSLCRL: '/crl' }, 'PGSSLCRL: must be unset'],
    ] as const) {
      expect(() => readConfig(environment)).toThrow(fault);
      expect(() => readConfig(environment)).not.toThrow('correct-horse');
    }
  });

  it('rejects unknown sources of API keys, and settings that do not go together with them', () => {
    const API_KEY_SOURCES = 'header:X-Key, query:key';
    expect(readConfig({ API_KEY_SOURCES }).requests.keySources).toHaveLength(2);
    expect(() => readConfig({ API_KEY_SOURCES: 'heder:x-key' })).toThrow('did you mean header?');
    expect(() => readConfig({ API_KEY_SOURCES, API_KEY_QUERY_PARAMETER: 'k' })).toThrow(
      'API_KEY_QUERY_PARAMETER: must',
    );
    expect(() => readConfig({ API_KEY_SOURCES, DEVICE_HEADER: 'x-key' })).toThrow('DEVICE_HEADER: must not be');
  });

  it('accepts as device header any header that Weir does not use otherwise', () => {
    expect(readConfig({}).requests.deviceHeader).toBeUndefined();
    expect(readConfig({ DEVICE_HEADER: 'X-Device-Id' }).requests.deviceHeader).toBe('x-device-id');
    for (const name of [
      'X-Api-Key',
      'authorization',
      'x-request-id',
      'content-type',
      'Origin',
      'X-Weir-Device',
      'a b',
      ':path',
    ]) {
      expect(() => readConfig({ DEVICE_HEADER: name })).toThrow('DEVICE_HEADER: must be');
    }
  });

  it('looks devices up only if a header names them', () => {
    expect(readConfig({}).devices.registration).toBe('off');
    expect(readConfig({ DEVICE_REGISTRATION: 'off' }).devices.registration).toBe('off');
    expect(readConfig({ DEVICE_REGISTRATION: 'auto', DEVICE_HEADER: 'x-device' }).devices.registration).toBe('auto');
    expect(() => readConfig({ DEVICE_REGISTRATION: 'required' })).toThrow('DEVICE_REGISTRATION: needs DEVICE_HEADER');
    expect(() => readConfig({ DEVICE_REGISTRATION: 'on', DEVICE_HEADER: 'x-device' })).toThrow(
      'DEVICE_REGISTRATION: must be off, auto or required (got "on")',
    );
  });

  it('accepts as client address header only a header that clients cannot write', () => {
    expect(readConfig({}).requests.clientAddressHeader).toBeUndefined();
    const header = 'X-Weir-Client-Address';
    expect(readConfig({ CLIENT_ADDRESS_HEADER: header }).requests.clientAddressHeader).toBe('x-weir-client-address');
    for (const name of ['x-forwarded-for', 'x-real-ip', 'x-weir-', 'x_weir_address', 'x-weir-plan', 'X-Weir-Account']) {
      expect(() => readConfig({ CLIENT_ADDRESS_HEADER: name })).toThrow('CLIENT_ADDRESS_HEADER: must be');
    }
  });

  it('accepts as trusted proxies networks, and names each entry that is not one', () => {
    expect(readConfig({}).trustedProxies).toEqual([]);
    expect(readConfig({ TRUSTED_PROXIES: '10.0.0.0/8, 2001:db8::/48' }).trustedProxies).toHaveLength(2);
    const faults = (text: string) => {
      try {
        return readConfig({ TRUSTED_PROXIES: text });
      } catch (error) {
        return (error as Error).message.split('\n'); // readConfig throws nothing but InvalidConfig
      }
    };
    expect(faults('10.0.0.0/8,proxy.local,10.1.2.3/8')).toEqual([
      expect.stringMatching(/^TRUSTED_PROXIES: must be a network in CIDR notation.*\(got "proxy.local"\)$/),
      'TRUSTED_PROXIES: must have no bits beyond its prefix: the network is 10.0.0.0/8 (got "10.1.2.3/8")',
    ]);
    expect(faults('10.0.0.1')).toEqual([expect.stringMatching(/\/128 \(got "10.0.0.1"\)$/)]);
    expect(faults('10.0.0.0/8,')).toEqual([expect.stringContaining('(got "")')]);
    expect(faults('0.0.0.0/0')).toEqual(['TRUSTED_PROXIES: must not contain all addresses (got "0.0.0.0/0")']);
  });

  it('requires DATABASE_URL in the role decision, which follows another node', () => {
    expect(() => readConfig({ WEIR_ROLE: 'decision' })).toThrow('DATABASE_URL: must be set');
  });

  it('rejects the request log in the role decision, which does not write the database', () => {
    const node = { WEIR_ROLE: 'decision', DATABASE_URL: 'postgres://db/weir' };
    expect(() => readConfig({ ...node, REQUEST_LOG: 'on' })).toThrow('REQUEST_LOG: must be off');
    expect(readConfig(node).requestLog).toMatchObject({ isOn: false, retentionSeconds: 30 * 86_400 });
  });
});
