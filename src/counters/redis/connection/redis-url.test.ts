import { describe, expect, it } from 'vitest';
import { InvalidRedisUrl, parseRedisUrl } from './redis-url.ts';

const noCredentials = { username: undefined, password: undefined };

describe('parsing a Redis URL', () => {
  it('reads a single server', () => {
    expect(parseRedisUrl('redis://localhost')).toEqual({
      topology: { kind: 'server' },
      hosts: [{ host: 'localhost', port: 6379 }],
      isTls: false,
      ...noCredentials,
      database: 0,
    });
    expect(parseRedisUrl('rediss://weir:p%40ss@10.0.0.1:7000/2')).toEqual({
      topology: { kind: 'server' },
      hosts: [{ host: '10.0.0.1', port: 7000 }],
      isTls: true,
      username: 'weir',
      password: 'p@ss',
      database: 2,
    });
  });

  it('reads the path of a Unix socket', () => {
    const socket = { topology: { kind: 'server' }, isTls: false, database: 0 };
    expect(parseRedisUrl('redis+unix:///run/redis/redis.sock')).toEqual({
      ...socket,
      hosts: [{ host: '/run/redis/redis.sock', port: 0 }],
      ...noCredentials,
    });
    expect(parseRedisUrl('redis+unix://weir:p%40ss@/redis.sock')).toEqual({
      ...socket,
      hosts: [{ host: '/redis.sock', port: 0 }],
      username: 'weir',
      password: 'p@ss',
    });
  });

  it('reads Sentinels and the name of their master', () => {
    expect(parseRedisUrl('redis+sentinel://:secret@a,b:5000,[::1]:5001/my-master/3')).toEqual({
      topology: { kind: 'sentinel', master: 'my-master' },
      hosts: [
        { host: 'a', port: 26_379 },
        { host: 'b', port: 5000 },
        { host: '::1', port: 5001 },
      ],
      isTls: false,
      username: undefined,
      password: 'secret',
      database: 3,
    });
  });

  it('reads nodes of a cluster', () => {
    expect(parseRedisUrl('rediss+cluster://a:1,b/')).toEqual({
      topology: { kind: 'cluster' },
      hosts: [
        { host: 'a', port: 1 },
        { host: 'b', port: 6379 },
      ],
      isTls: true,
      ...noCredentials,
      database: 0,
    });
  });

  it.each([
    ['localhost:6379', 'begins with redis://'],
    ['http://localhost', 'begins with redis://'],
    ['redis+ring://localhost', 'begins with redis://'],
    ['redis://', 'must name its host'],
    ['redis+cluster://', 'must name its host'],
    ['redis+cluster://a,,b', 'must name its host'],
    ['redis+sentinel:///master', 'must name its host'],
    ['redis://a,b', 'must name one host'],
    ['redis://a:0', 'ports from 1 to 65535'],
    ['redis+cluster://a,b:65536', 'ports from 1 to 65535'],
    ['redis://a:port', 'host[:port]'],
    ['redis://a b', 'host[:port]'],
    ['redis+unix://', 'must name the path of its socket'],
    ['redis+unix:///', 'must name the path of its socket'],
    ['redis+unix:///run/redis/', 'must name the path of its socket'],
    ['redis+unix://run/redis.sock', 'must name the path of its socket'],
    ['redis+unix:///run/redis.sock?db=1', 'no parameters (got "db")'],
    ['rediss+unix:///run/redis.sock', 'a Unix socket has no TLS'],
    ['redis://a?db=1', 'no parameters (got "db")'],
    ['redis://a:1/0?tls=true', 'no parameters (got "tls"); rediss in place of redis means TLS'],
    ['redis+sentinel://a/m?ssl_cert_reqs=required', 'no parameters (got "ssl_cert_reqs")'],
    ['redis+cluster://a,b?sslmode=verify-full', 'no parameters (got "sslmode")'],
    ['rediss://a?', 'no parameters;'],
    ['rediss://a#tls', 'no parameters;'],
    ['redis+sentinel://a', 'must name the master'],
    ['redis+sentinel://a/', 'must name the master'],
    ['redis+sentinel://a/m/x', 'must end with the number of its database'],
    ['redis://a/x', 'must end with the number of its database'],
    ['redis://a/0/1', 'must end with the number of its database'],
    ['redis+cluster://a/1', 'must name no database'],
    ['redis://weir@a', 'must have a password'],
    ['redis://weir:%zz@a', 'percent-encoded'],
  ])('rejects %s and says what was expected: %s', (text, expected) => {
    expect(() => parseRedisUrl(text)).toThrow(InvalidRedisUrl);
    expect(() => parseRedisUrl(text)).toThrow(expected);
  });

  it.each([
    'redis://weir:correct-horse@a:0',
    'redis://weir:correct-horse@a,b',
    'redis+sentinel://weir:correct-horse@a',
    'ftp://weir:correct-horse@a',
    'redis://weir:1?correct-horse@a,b',
    'redis://weir:x@a?password=correct-horse',
  ])('does not repeat %s in the error, as it contains a password', (text) => {
    expect(() => parseRedisUrl(text)).not.toThrow('horse');
    expect(() => parseRedisUrl(text)).toThrow(InvalidRedisUrl);
  });
});
