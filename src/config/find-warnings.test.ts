import { describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';

const readWarnings = (environment: Readonly<Record<string, string>>) =>
  readConfig(environment).warnings.map(({ fields }) => fields);

describe('warnings about the environment', () => {
  it.each([
    ['REDIS_ULR', 'REDIS_URL'],
    ['REDIS_URI', 'REDIS_URL'],
    ['redis_url', 'REDIS_URL'],
    ['REDISURL', 'REDIS_URL'],
    ['DATABSE_URL', 'DATABASE_URL'],
    ['DATABASE_URl_FILE', 'DATABASE_URL_FILE'],
    ['WEIR_DATABASE_URL', 'DATABASE_URL'],
    ['REDIS_TLS_CA', 'REDIS_TLS_CA_FILE'],
    ['ADMIN_PASSWROD', 'ADMIN_PASSWORD'],
    ['KEY_PEPER', 'KEY_PEPPER'],
    ['CATALOG_MAX_STALNESS', 'CATALOG_MAX_STALENESS'],
    ['WEIR_ROEL', 'WEIR_ROLE'],
    ['PGSSLMOD', 'PGSSLMODE'],
  ])('name %s as a misspelling of %s, and never its value', (variable, suggestion) => {
    const { warnings } = readConfig({ [variable]: 'correct-horse-battery' });
    expect(warnings.map(({ fields }) => fields)).toEqual([{ variable, suggestion }]);
    expect(JSON.stringify(warnings)).not.toContain('correct-horse');
  });

  it('are absent for the variables of a shell, of Kubernetes and of other programs', () => {
    const names = [
      ...[
        'PATH',
        'HOME',
        'USER',
        'LANG',
        'SHELL',
        'PWD',
        'TERM',
        'HOSTNAME',
        'NODE_VERSION',
        'NODE_ENV',
        'NODE_OPTIONS',
      ],
      ...['REDIS_PORT', 'REDIS_SERVICE_HOST', 'REDIS_PORT_6379_TCP', 'WEIR_SERVICE_HOST', 'WEIR_PORT_8081_TCP_ADDR'],
      ...[
        'KUBERNETES_SERVICE_HOST',
        'POSTGRES_PASSWORD',
        'PGUSER',
        'PGHOST',
        'PGPASSWORD',
        'HTTP_PROXY',
        'HTTPS_PROXY',
      ],
      ...['npm_config_cache', 'npm_package_name', 'ADMIN_USER', 'LOG_FILE', 'DATA_PATH', 'LOGNAME', 'TOKEN'],
    ];
    expect(readWarnings(Object.fromEntries(names.map((name) => [name, 'x'])))).toEqual([]);
  });

  it('are absent for a similar name while the known one is set, and for an empty variable', () => {
    expect(readWarnings({ REDIS_URI: 'x', REDIS_URL: 'redis://a', REDIS_ULR: '' })).toEqual([]);
  });

  it('are at most ten', () => {
    const many = Object.fromEntries(
      Array.from({ length: 26 }, (_, i) => [`REDIS_URL${String.fromCharCode(65 + i)}`, 'x']),
    );
    expect(readWarnings(many)).toHaveLength(10);
  });

  it.each(['admin', 'decision'])('say that a node of the role %s without REDIS_URL counts alone', (role) => {
    const shared = { DATABASE_URL: 'postgres://db/weir', WEIR_ROLE: role };
    expect(readWarnings(shared)).toEqual([{ variable: 'REDIS_URL' }]);
    expect(readWarnings({ ...shared, REDIS_URL: 'redis://a' })).toEqual([]);
    expect(readWarnings({ ...shared, WEIR_ROLE: 'all' })).toEqual([]);
  });

  it('say that other machines reach the admin plane in clear', () => {
    const files = { ADMIN_TLS_CERT_FILE: 'package.json', ADMIN_TLS_KEY_FILE: 'package.json' }; // any that can be read
    for (const host of ['0.0.0.0', '10.0.0.1', '[::]']) {
      expect(readWarnings({ ADMIN_ADDRESS: `${host}:8082` })).toEqual([{ variable: 'ADMIN_TLS_CERT_FILE' }]);
      expect(readWarnings({ ADMIN_ADDRESS: `${host}:8082`, ...files })).toEqual([]);
    }
    for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
      expect(readWarnings({ ADMIN_ADDRESS: `${host}:8082` })).toEqual([]);
    }
  });

  it('say that other machines reach the admin API over HTTP in clear', () => {
    const http = { HTTP_ADDRESS: '0.0.0.0:8080' };
    expect(readWarnings(http)).toEqual([{ variable: 'HTTP_TLS_CERT_FILE' }]);
    expect(readWarnings({ ...http, HTTP_API: 'off' })).toEqual([]);
    const decision = { WEIR_ROLE: 'decision', DATABASE_URL: 'postgres://db/weir', REDIS_URL: 'redis://a' };
    expect(readWarnings({ ...http, ...decision })).toEqual([]);
  });
});
