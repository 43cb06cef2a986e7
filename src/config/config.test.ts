import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { InvalidConfig, readConfig } from './config.ts';

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
    ['LOG_LEVEL', 'loud', 'must be trace, debug, info, warn, error or fatal'],
    ['RATE_LIMIT_HEADERS', 'some', 'must be all, refused or off'],
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

  it('reports all faults at once', () => {
    const message = /^(?=.*REDIS_URL)(?=.*WEIR_ROLE)(?=.*HTTP_ADDRESS)/s;
    expect(() => readConfig({ REDIS_URL: 'x', WEIR_ROLE: 'y', HTTP_ADDRESS: 'z' })).toThrow(message);
  });

  it('requires the certificate and the key of the data plane together', () => {
    const file = 'package.json'; // any file that can be read
    const pair = { DECISION_TLS_CERT_FILE: file, DECISION_TLS_KEY_FILE: file };
    expect(readConfig(pair).decisionTls).toEqual({ certFile: file, keyFile: file });
    expect(readConfig({ ...pair, DECISION_TLS_CLIENT_CA_FILE: file }).decisionTls).toMatchObject({
      clientCaFile: file,
    });
    expect(() => readConfig({ DECISION_TLS_KEY_FILE: file })).toThrow('DECISION_TLS_CERT_FILE: must be set');
    expect(() => readConfig({ DECISION_TLS_CLIENT_CA_FILE: file })).toThrow('DECISION_TLS_CLIENT_CA_FILE: needs');
    expect(() => readConfig({ ...pair, DECISION_TLS_KEY_FILE: 'no/such' })).toThrow('DECISION_TLS_KEY_FILE: must be');
  });

  it('accepts TLS files and a Sentinel user only with a Redis URL that uses them', () => {
    const file = 'package.json'; // any file that can be read
    const files = { REDIS_TLS_CA_FILE: file, REDIS_TLS_CERT_FILE: file, REDIS_TLS_KEY_FILE: file };
    const user = { REDIS_SENTINEL_USERNAME: 'weir', REDIS_SENTINEL_PASSWORD: 'correct-horse' };
    const url = 'rediss+sentinel://a,b/master';
    expect(readConfig({ REDIS_URL: url, ...files, ...user })).toMatchObject({
      redisUrl: url,
      redisAccess: {
        tls: { caFile: file, certFile: file, keyFile: file },
        sentinel: { username: 'weir', password: 'correct-horse' },
      },
    });
    expect(() => readConfig({ REDIS_URL: 'redis://a', ...files })).toThrow('REDIS_TLS_CA_FILE: needs a REDIS_URL');
    expect(() => readConfig({ REDIS_URL: 'rediss+cluster://a', ...user })).toThrow('REDIS_SENTINEL_PASSWORD: needs');
    expect(() => readConfig({ REDIS_URL: 'rediss://a', REDIS_TLS_KEY_FILE: file })).toThrow(
      'REDIS_TLS_CERT_FILE: must be set',
    );
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

  it('accepts as client address header only a header that clients cannot write', () => {
    expect(readConfig({}).requests.clientAddressHeader).toBeUndefined();
    const header = 'X-Weir-Client-Address';
    expect(readConfig({ CLIENT_ADDRESS_HEADER: header }).requests.clientAddressHeader).toBe('x-weir-client-address');
    for (const name of ['x-forwarded-for', 'x-real-ip', 'x-weir-', 'x_weir_address', 'x-weir-plan', 'X-Weir-Account']) {
      expect(() => readConfig({ CLIENT_ADDRESS_HEADER: name })).toThrow('CLIENT_ADDRESS_HEADER: must be');
    }
  });

  it('requires DATABASE_URL in the role decision, which follows another node', () => {
    expect(() => readConfig({ WEIR_ROLE: 'decision' })).toThrow('DATABASE_URL: must be set');
  });
});
