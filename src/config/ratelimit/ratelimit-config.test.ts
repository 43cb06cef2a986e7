import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { rootCertificates } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { InvalidConfig } from '../config.ts';
import { readRatelimitConfig } from './ratelimit-config.ts';

const pem = path.join(mkdtempSync(path.join(tmpdir(), 'weir-ratelimit-')), 'file.pem');
writeFileSync(pem, `${rootCertificates[0]}\n`);

/** The environment that Envoy Gateway 1.9 gives its rate limit container. */
const ENVOY_GATEWAY = {
  RUNTIME_ROOT: '/data',
  RUNTIME_SUBDIRECTORY: 'ratelimit',
  RUNTIME_IGNOREDOTFILES: 'true',
  RUNTIME_WATCH_ROOT: 'false',
  LOG_LEVEL: 'info',
  USE_STATSD: 'false',
  CONFIG_TYPE: 'GRPC_XDS_SOTW',
  CONFIG_GRPC_XDS_SERVER_URL: 'envoy-gateway:18001',
  CONFIG_GRPC_XDS_NODE_ID: 'envoy-ratelimit',
  GRPC_SERVER_USE_TLS: 'true',
  GRPC_SERVER_TLS_CERT: pem,
  GRPC_SERVER_TLS_KEY: pem,
  GRPC_CLIENT_TLS_CACERT: pem,
  CONFIG_GRPC_XDS_SERVER_USE_TLS: 'true',
  CONFIG_GRPC_XDS_CLIENT_TLS_CERT: pem,
  CONFIG_GRPC_XDS_CLIENT_TLS_KEY: pem,
  CONFIG_GRPC_XDS_SERVER_TLS_CACERT: pem,
  FORCE_START_WITHOUT_INITIAL_CONFIG: 'true',
  REDIS_SOCKET_TYPE: 'tcp',
  REDIS_URL: 'redis.redis-system.svc.cluster.local:6379',
  USE_PROMETHEUS: 'true',
  PROMETHEUS_ADDR: ':19001',
};

function findFaults(environment: Record<string, string>): readonly string[] {
  try {
    readRatelimitConfig(environment);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    return error.message.split('\n');
  }
}

/** The variables that a configuration warns of, other than a missing REDIS_URL. */
function findWarnings(environment: Record<string, string>): readonly string[] {
  const { warnings } = readRatelimitConfig({ REDIS_URL: 'redis:6379', ...environment });
  return warnings.map(({ fields }) => fields.variable);
}

const readRedis = (environment: Record<string, string>) => readRatelimitConfig(environment).node;

describe('the environment of envoyproxy/ratelimit', () => {
  it('has the defaults of its settings.go', () => {
    const config = readRatelimitConfig({});
    expect(config).toMatchObject({
      httpAddress: { host: '0.0.0.0', port: 8080 },
      debugAddress: { host: '0.0.0.0', port: 6070 },
      prometheus: undefined,
      rules: {
        folder: { ignoreDotFiles: false, mergeDomains: false },
        chargesRejected: true,
        quotaMode: false,
        source: { path: '/srv/runtime_data/current/config' },
      },
      startsWithoutRules: false,
      unready: { withoutRules: false, withoutRedis: false },
      nearLimitRatio: 0.8,
      headers: undefined,
      logLevel: 'warn',
    });
    expect(config.node).toMatchObject({
      decisionAddress: { host: '0.0.0.0', port: 8081 },
      redisUrl: undefined,
      tls: { decision: undefined },
      maxConnectionAgeMs: 86_400_000,
      answers: { shadowMode: false },
    });
    expect(config.warnings.map(({ fields }) => fields.variable)).toEqual(['REDIS_URL']);
  });

  it('is read as Envoy Gateway sets it, without a warning', () => {
    const config = readRatelimitConfig(ENVOY_GATEWAY);
    expect(config).toMatchObject({
      warnings: [],
      startsWithoutRules: true,
      prometheus: { address: { host: '0.0.0.0', port: 19001 }, path: '/metrics' },
      rules: {
        source: {
          xds: {
            target: 'envoy-gateway:18001',
            nodeId: 'envoy-ratelimit',
            tls: { caFile: pem, certFile: pem, keyFile: pem, serverName: undefined },
            backoff: { initialMs: 10_000, maxMs: 60_000, hasJitter: true },
          },
        },
      },
    });
    expect(config.node).toMatchObject({
      redisUrl: 'redis://redis.redis-system.svc.cluster.local:6379',
      tls: { decision: { certFile: pem, keyFile: pem, clientCaFile: pem } },
    });
  });

  it('names the folder of the rules in three parts', () => {
    const parts = { RUNTIME_ROOT: '/data', RUNTIME_SUBDIRECTORY: 'ratelimit', RUNTIME_APPDIRECTORY: 'rules' };
    expect(readRatelimitConfig(parts).rules.source).toEqual({ path: '/data/ratelimit/rules' });
  });

  it.each([
    [{ REDIS_URL: 'redis:6379', REDIS_AUTH: 'p@ss' }, 'redis://:p%40ss@redis:6379'],
    [{ REDIS_URL: 'redis:6379/2', REDIS_AUTH: 'user:pass', REDIS_TLS: 'true' }, 'rediss://user:pass@redis:6379/2'],
    [{ REDIS_URL: '/run/redis.sock', REDIS_AUTH: 'secret' }, 'redis+unix://:secret@/run/redis.sock'],
    [{ REDIS_URL: '/run/redis.sock', REDIS_SOCKET_TYPE: 'unix' }, 'redis+unix:///run/redis.sock'],
    [{ REDIS_URL: 'redis://user:pass@redis:6379' }, 'redis://user:pass@redis:6379'],
    [{ REDIS_URL: 'a:6379,b:6379', REDIS_TYPE: 'CLUSTER' }, 'redis+cluster://a:6379,b:6379'],
    [{ REDIS_URL: 'a:1,b:2', REDIS_TYPE: 'cluster', REDIS_TLS: '1' }, 'rediss+cluster://a:1,b:2'],
    [
      { REDIS_URL: 'mymaster,s1:26379,s2:26379', REDIS_TYPE: 'SENTINEL' },
      'redis+sentinel://s1:26379,s2:26379/mymaster',
    ],
  ])('names the Redis of %j', (environment, url) => {
    expect(readRedis(environment).redisUrl).toBe(url);
  });

  it('has the login of Sentinels, the files of TLS, and the time for Redis', () => {
    const sentinel = { REDIS_URL: 'm,s:1', REDIS_TYPE: 'SENTINEL', REDIS_SENTINEL_AUTH: 'user:pass' };
    expect(readRedis(sentinel).redisAccess.sentinel).toEqual({ username: 'user', password: 'pass' });
    const tls = { REDIS_TLS_CACERT: pem, REDIS_TLS_CLIENT_CERT: pem, REDIS_TLS_CLIENT_KEY: pem };
    expect(readRedis({ REDIS_URL: 'r:1', REDIS_TLS: 'true', ...tls }).redisAccess.tls).toEqual({
      caFile: pem,
      certFile: pem,
      keyFile: pem,
    });
    // Without REDIS_TLS, the files have no effect there.
    expect(readRedis({ REDIS_URL: 'r:1', ...tls }).redisAccess.tls.caFile).toBeUndefined();
    expect(readRedis({ REDIS_URL: 'r:1', REDIS_TIMEOUT: '100ms' })).toMatchObject({ redisDeadlineMs: 100 });
    expect(findWarnings({ REDIS_TIMEOUT: '10s' })).toEqual(['REDIS_TIMEOUT']);
  });

  it('has headers, modes and probes', () => {
    const environment = {
      LIMIT_RESPONSE_HEADERS_ENABLED: 't',
      LIMIT_LIMIT_HEADER: 'x-limit',
      SHADOW_MODE: 'TRUE',
      QUOTA_MODE: 'true',
      STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT: '1',
      MERGE_DOMAIN_CONFIG: 'true',
      HEALTHY_WITH_AT_LEAST_ONE_CONFIG_LOADED: 'true',
      REDIS_HEALTH_CHECK_ACTIVE_CONNECTION: 'true',
      NEAR_LIMIT_RATIO: '0.5',
      GRPC_MAX_CONNECTION_AGE: '1h30m',
    };
    expect(readRatelimitConfig(environment)).toMatchObject({
      headers: { limit: 'x-limit', remaining: 'RateLimit-Remaining', reset: 'RateLimit-Reset' },
      node: { answers: { shadowMode: true }, maxConnectionAgeMs: 5_400_000 },
      rules: { quotaMode: true, chargesRejected: false, folder: { mergeDomains: true } },
      unready: { withoutRules: true, withoutRedis: true },
      nearLimitRatio: 0.5,
    });
  });

  it('warns of what has no effect, unless it is off', () => {
    const set = {
      REDIS_POOL_SIZE: '20',
      EXPIRATION_JITTER_MAX_SECONDS: '10',
      TRACING_ENABLED: 'true',
      EXTRA_TAGS: 'a:b',
    };
    expect(findWarnings(set)).toEqual([
      'REDIS_POOL_SIZE',
      'EXPIRATION_JITTER_MAX_SECONDS',
      'EXTRA_TAGS',
      'TRACING_ENABLED',
    ]);
    const off = {
      USE_STATSD: 'false',
      REDIS_PIPELINE_WINDOW: '0',
      LOG_FORMAT: 'json',
      REDIS_POOL_ON_EMPTY_BEHAVIOR: 'WAIT',
    };
    expect(findWarnings({ ...off, TRACING_ENABLED: '0', LOCAL_CACHE_SIZE_IN_BYTES: '0' })).toEqual([]);
    expect(findWarnings({ GRPC_MAX_CONNECTION_AGE: '1s', RESPONSE_DYNAMIC_METADATA: 'true' })).toEqual([
      'RESPONSE_DYNAMIC_METADATA',
      'GRPC_MAX_CONNECTION_AGE',
    ]);
  });

  it('rejects what would change decisions', () => {
    expect(findFaults({ BACKEND_TYPE: 'memcache' })).toEqual([expect.stringMatching(/^BACKEND_TYPE: must be redis/)]);
    expect(findFaults({ CACHE_KEY_PREFIX: 'a' })).toEqual([expect.stringMatching(/^CACHE_KEY_PREFIX: must be unset/)]);
    expect(findFaults({ GRPC_UDS: '/tmp/s' })).toEqual([expect.stringMatching(/^GRPC_UDS: must be unset/)]);
    expect(findFaults({ REDIS_TLS_SKIP_HOSTNAME_VERIFICATION: 'true' })).toHaveLength(1);
    const socket = 'REDIS_SOCKET_TYPE: must be tcp, unless REDIS_URL is the path of a socket of one server without TLS';
    expect(findFaults({ REDIS_SOCKET_TYPE: 'unix', REDIS_URL: 'redis:6379' })).toEqual([socket]);
    expect(findFaults({ REDIS_TYPE: 'CLUSTER', REDIS_URL: '/var/run/redis.sock' })).toEqual([socket]);
    expect(findFaults({ REDIS_TLS: 'true', REDIS_URL: '/var/run/redis.sock' })).toEqual([socket]);
  });

  it('names every fault', () => {
    const environment = {
      PORT: 'http',
      SHADOW_MODE: 'yes',
      NEAR_LIMIT_RATIO: '2',
      REDIS_URL: 'master',
      REDIS_TYPE: 'SENTINEL',
      CONFIG_TYPE: 'HTTP',
      LIMIT_RESET_HEADER: 'a b',
      GRPC_SERVER_USE_TLS: 'true',
      PROMETHEUS_ADDR: '9090',
    };
    const faults = findFaults(environment);
    expect(faults.map((fault) => fault.split(':')[0]).sort()).toEqual([
      'CONFIG_TYPE',
      'GRPC_SERVER_USE_TLS',
      'LIMIT_RESET_HEADER',
      'NEAR_LIMIT_RATIO',
      'PORT',
      'PROMETHEUS_ADDR',
      'REDIS_URL',
      'SHADOW_MODE',
    ]);
  });
});
