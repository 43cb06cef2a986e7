import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { InvalidConfig, readConfig } from './config.ts';

describe('the environment', () => {
  it('may be empty: everything has a default', () => {
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

  it('counts an empty variable as unset', () => {
    expect(readConfig({ REDIS_URL: '', WEIR_ROLE: '' })).toMatchObject({ redisUrl: undefined, role: 'all' });
  });

  it('may give an IPv6 address in brackets', () => {
    expect(readConfig({ DECISION_ADDRESS: '[::1]:9000' }).decisionAddress).toEqual({ host: '::1', port: 9000 });
  });

  it('may give a secret as the path of a file', () => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'weir-config-')), 'pepper');
    writeFileSync(file, 'a pepper of some length\n');
    expect(readConfig({ KEY_PEPPER_FILE: file }).keyPepper).toBe('a pepper of some length');
    expect(() => readConfig({ KEY_PEPPER_FILE: file, KEY_PEPPER: 'another pepper, too' })).toThrow(
      'KEY_PEPPER: is set',
    );
    expect(() => readConfig({ KEY_PEPPER_FILE: '/does/not/exist' })).toThrow('KEY_PEPPER_FILE');
  });

  it.each([
    ['DECISION_ADDRESS', 'localhost'],
    ['ADMIN_ADDRESS', '127.0.0.1:70000'],
    ['HTTP_ADDRESS', 'http://127.0.0.1:80'],
    ['DATABASE_URL', 'mysql://localhost/weir'],
    ['REDIS_URL', 'localhost:6379'],
    ['REDIS_URL', 'redis+cluster://:correct-horse@a:99999'],
    ['REDIS_URL', 'redis+sentinel://:correct-horse@/master'],
    ['REDIS_TLS_CA_FILE', '/does/not/exist'],
    ['ADMIN_EMAIL', 'nobody'],
    ['ADMIN_PASSWORD', 'short'],
    ['WEIR_ROLE', 'leader'],
    ['CATALOG_MAX_STALENESS', '0'],
    ['LOG_LEVEL', 'loud'],
    ['RATE_LIMIT_HEADERS', 'some'],
    ['SHADOW_MODE', 'yes'],
    ['KEY_PEPPER', 'salt'],
    ['KEY_PEPPER_PREVIOUS', 'salt'],
    ['SIGNING_KEY_SECRET', 'thirty-one characters are short'],
    ['TOKEN_ALGORITHM', 'HS512'],
    ['TOKEN_KEY_ROTATION', '59m'],
    ['TOKEN_KEY_ROTATION', 'monthly'],
    ['ACCESS_TOKEN_SECONDS', '59'],
    ['REFRESH_TOKEN_SECONDS', '31536001'],
  ])('with a wrong %s is refused by that name, and the value is not repeated', (name, value) => {
    const refused = () => readConfig({ [name]: value });
    expect(refused).toThrow(InvalidConfig);
    expect(refused).toThrow(`${name}: `);
    expect(refused).not.toThrow(value);
  });

  it('tells all its faults at once', () => {
    const message = /^(?=.*REDIS_URL)(?=.*WEIR_ROLE)(?=.*HTTP_ADDRESS)/s;
    expect(() => readConfig({ REDIS_URL: 'x', WEIR_ROLE: 'y', HTTP_ADDRESS: 'z' })).toThrow(message);
  });

  it('gives the data plane TLS by a certificate and its key, together', () => {
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

  it('reaches Redis by its URL, with files for TLS and a user for Sentinels', () => {
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

  it('takes as the device’s header any but those that Weir reads for something else', () => {
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

  it('takes as the header with the client’s address only one that Envoy keeps clients from writing', () => {
    expect(readConfig({}).requests.clientAddressHeader).toBeUndefined();
    const header = 'X-Weir-Client-Address';
    expect(readConfig({ CLIENT_ADDRESS_HEADER: header }).requests.clientAddressHeader).toBe('x-weir-client-address');
    for (const name of ['x-forwarded-for', 'x-real-ip', 'x-weir-', 'x_weir_address', 'x-weir-plan', 'X-Weir-Account']) {
      expect(() => readConfig({ CLIENT_ADDRESS_HEADER: name })).toThrow('CLIENT_ADDRESS_HEADER: must be');
    }
  });

  it('names the database in the role decision, which follows another node', () => {
    expect(() => readConfig({ WEIR_ROLE: 'decision' })).toThrow('DATABASE_URL: must be set');
  });
});
