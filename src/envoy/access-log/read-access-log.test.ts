import { describe, expect, it } from 'vitest';
import type { RequestMethod } from '../../generated/envoy/config/core/v3/base.ts';
import { AccessLogType } from '../../generated/envoy/data/accesslog/v3/accesslog.ts';
import { StreamAccessLogsMessage } from '../../generated/envoy/service/accesslog/v3/als.ts';
import { readAccessLog } from './read-access-log.ts';

const NOW = Date.UTC(2026, 4, 10);

const COMMON = {
  startTime: new Date(NOW - 5000),
  duration: { seconds: 1, nanos: 234_600_000 },
  routeName: 'orders',
  accessLogType: AccessLogType.DownstreamEnd as AccessLogType,
  downstreamRemoteAddress: { address: { $case: 'socketAddress' as const, value: { address: '192.0.2.1' } } },
  metadata: {
    filterMetadata: {
      'envoy.filters.http.ext_authz': { account: 'a', api_key: 'k', plan: 'free', code: 'rate_limited', remaining: 1 },
      'envoy.filters.http.other': { account: 'forged' },
    },
  },
};
const REQUEST = {
  requestMethod: 3 as RequestMethod,
  path: '/orders?api_key=secret',
  userAgent: 'curl',
  requestId: 'r-1',
  requestBodyBytes: 7,
};

type Fields = Record<string, unknown>;

/** Reads an entry that has come over the wire. */
function read(
  common: Fields = {},
  request: Fields = {},
  response: Fields = { responseCode: 429, responseBodyBytes: 90 },
) {
  const entry = { commonProperties: { ...COMMON, ...common }, request: { ...REQUEST, ...request }, response };
  const message = StreamAccessLogsMessage.fromPartial({
    logEntries: { $case: 'httpLogs', value: { logEntry: [entry] } },
  });
  return readAccessLog(StreamAccessLogsMessage.decode(StreamAccessLogsMessage.encode(message).finish()), NOW);
}

describe('an entry of Envoy’s access log', () => {
  it('is a request with the identity that ext_authz found', () => {
    expect(read()).toEqual([
      {
        timeMs: NOW - 5000,
        requestId: 'r-1',
        accountId: 'a',
        apiKeyId: 'k',
        planId: 'free',
        route: 'orders',
        method: 'POST',
        path: '/orders',
        status: 429,
        code: 'rate_limited',
        durationMs: 1235,
        requestBytes: 7,
        responseBytes: 90,
        peer: '192.0.2.1',
        userAgent: 'curl',
      },
    ]);
  });

  it.each([
    ['/a?b#c', '/a'],
    ['/a#c?b', '/a'],
    ['?', ''],
    [`/${'x'.repeat(5000)}`, `/${'x'.repeat(1023)}`],
    ['/a\0b', '/ab'],
  ])('has its path without the query: %j', (path, expected) => {
    expect(read({}, { path })[0]?.path).toBe(expected);
  });

  it('has the path that the client sent, where a route rewrites it', () => {
    expect(read({}, { originalPath: '/before?x=1' })[0]?.path).toBe('/before');
  });

  it('needs none of its fields', () => {
    const message = StreamAccessLogsMessage.fromPartial({
      logEntries: { $case: 'httpLogs', value: { logEntry: [{ commonProperties: {} }, {}] } },
    });
    expect(readAccessLog(message, NOW)).toMatchObject([
      { timeMs: NOW, status: 0, method: 'OTHER', accountId: undefined },
    ]);
    expect(readAccessLog(StreamAccessLogsMessage.create(), NOW)).toEqual([]);
  });

  it('counts at the end of the request alone', () => {
    expect(read({ accessLogType: 4 })).toEqual([]);
    expect(read({ accessLogType: 0 })).toHaveLength(1);
  });

  it('takes no text that Postgres cannot store', () => {
    const long = '\ud83d\ude00'.repeat(200);
    const [request] = read({}, { userAgent: `a${long}`, requestId: 'a\0' });
    expect(request).toMatchObject({ requestId: 'a' });
    expect(request?.userAgent).toHaveLength(256);
    expect(request?.userAgent.isWellFormed()).toBe(true);
  });
});
