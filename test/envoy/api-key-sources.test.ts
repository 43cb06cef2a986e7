import { describe, expect } from 'vitest';
import { EXT_AUTHZ_FILTER, setContextExtensions, setFilterField } from '../../demo/envoy-configuration.ts';
import { sendThrough, WeirBehindEnvoy } from '../support/envoy/weir-behind-envoy.ts';
import { test } from '../support/fixtures.ts';

const SOURCES =
  'header:X-Service-Key, authorization:apikey, authorization:basic, cookie:session_key, query:api_key, authorization:raw';

const it = test
  .override('environment', { API_KEY_SOURCES: SOURCES })
  /** Secrets of two keys without limits, and an access token. */
  .extend('secrets', { scope: 'file' }, async ({ node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'enterprise');
    const { secret: other } = await node.createKey(administrator, 'enterprise');
    return { secret, other, token: administrator.authorization ?? '' };
  });

type HeaderLines = [name: string, value: string][];

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
const send = (origin: string, headers: HeaderLines, path = '/orders') => sendThrough(origin, { path, headers });

/** Returns the code of a denial. */
async function deny(origin: string, headers: HeaderLines, path?: string): Promise<string> {
  const { status, response } = await send(origin, headers, path);
  expect(status).toBe(401);
  return JSON.parse(response.body).error.code;
}

describe.for<[form: string, encodesRawHeaders: boolean]>([
  ['headers', false],
  ['header_map', true],
])('API_KEY_SOURCES behind a real Envoy that sends %s', ([, encodesRawHeaders]) => {
  let origin: string;
  let anonymous: string;

  it.beforeAll(async ({ weir }) => {
    const change = setFilterField(EXT_AUTHZ_FILTER, ['encode_raw_headers'], encodesRawHeaders);
    origin = await weir.envoy(change);
    anonymous = await weir.envoy(change, setContextExtensions({ 'weir.auth': 'optional' }));
  });

  it('accepts a key in each source, and the upstream sees nothing of it', async ({ secrets: { secret } }) => {
    const ways: [headers: HeaderLines, path: string][] = [
      [[['x-service-key', secret]], '/orders'],
      [[['X-SERVICE-KEY', secret]], '/orders'],
      [[['authorization', `ApiKey ${secret}`]], '/orders'],
      [[['authorization', `APIKEY   ${secret}`]], '/orders'],
      [[['authorization', basic(`${secret}:`)]], '/orders'],
      [[['authorization', basic(`${secret}:a password: with colons`)]], '/orders'],
      [[['authorization', secret]], '/orders'],
      [[['cookie', `session_key=${secret}`]], '/orders'],
      [[['cookie', `session_key="${secret}"`]], '/orders'],
      [[], `/orders?api_key=${secret}`],
      [[], `/orders?api%5Fkey=${secret.replaceAll('_', '%5f')}`],
    ];
    for (const [headers, path] of ways) {
      const { status, received } = await send(origin, headers, path);
      expect({ headers, path, status }).toEqual({ headers, path, status: 200 });
      expect(received?.path).toBe('/orders');
      const seen = received?.headers.filter((header) => /^(x-service-key|authorization|cookie)/i.test(header));
      expect(seen).toEqual([]);
      expect(JSON.stringify(received)).not.toContain(secret);
    }
  });

  it('accepts a token as Bearer, though authorization:raw is a source', async ({ secrets: { token } }) => {
    expect((await send(origin, [['authorization', token]])).status).toBe(200);
  });

  it('leaves the other cookies and parameters as they are', async ({ secrets: { secret } }) => {
    const cookie = `theme=dark; session_key=${secret}; a="b c"; SESSION_KEY=x; empty=; flag; s=a=b`;
    const { received } = await send(origin, [['cookie', cookie]], '/orders?api_key=x&page=2');
    expect(received?.path).toBe('/orders?page=2');
    expect(received?.headers.filter((header) => header.startsWith('cookie'))).toEqual([
      'cookie: theme=dark; a="b c"; SESSION_KEY=x; empty=; flag; s=a=b',
    ]);
  });

  it('counts the first source in order, tries no other, and removes all of them', async ({ secrets }) => {
    const { secret, other } = secrets;
    const everywhere = (first: string): HeaderLines => [
      ['x-service-key', first],
      ['authorization', basic(`${other}:`)],
      ['cookie', `session_key=${other}; theme=dark`],
    ];
    const { status, received } = await send(origin, everywhere(secret), `/orders?api_key=${other}&a=1`);
    expect(status).toBe(200);
    expect(received?.path).toBe('/orders?a=1');
    expect(received?.headers).toContain('cookie: theme=dark');
    expect(received?.headers.filter((header) => /^(x-service-key|authorization)/.test(header))).toEqual([]);
    expect(JSON.stringify(received)).not.toMatch(new RegExp(`${secret}|${other}`));
    expect(await deny(origin, everywhere('wk_live_wrong'))).toBe('malformed_credential');
  });

  it('denies a key that is sent twice in one source, and what is no key', async ({ secrets: { secret, other } }) => {
    const ways: [headers: HeaderLines, path?: string][] = [
      [
        [
          ['x-service-key', secret],
          ['x-service-key', secret],
        ],
      ],
      [[['cookie', `session_key=${secret}; session_key=${other}`]]],
      [
        [
          ['cookie', `session_key=${secret}`],
          ['cookie', `session_key=${secret}`],
        ],
      ],
      [
        [
          ['authorization', `ApiKey ${secret}`],
          ['authorization', `ApiKey ${secret}`],
        ],
      ],
      [[['authorization', basic(secret)]]],
      [[['authorization', basic(`:${secret}`)]]],
      [[['authorization', 'Basic not base64!']]],
      [[['authorization', `Basic ${secret}`]]],
      [[['x-service-key', `ApiKey ${secret}`]]],
      [[], `/orders?api_key=${secret}&api_key=${secret}`],
    ];
    for (const [headers, path] of ways) expect(await deny(origin, headers, path)).toBe('malformed_credential');
  });

  it('ignores places that are no sources, and says which are', async ({ secrets: { secret } }) => {
    const ignored: HeaderLines = [
      ['x-api-key', secret],
      ['cookie', `Session_Key=${secret}; session_key=`],
    ];
    const { status, response } = await send(origin, ignored, `/orders?API_KEY=${secret}`);
    expect(status).toBe(401);
    const { code, message } = JSON.parse(response.body).error;
    expect(code).toBe('missing_credential');
    expect(message).toContain('x-service-key');
    expect(message).toContain('the cookie session_key');
  });

  it('removes empty sources of anonymous requests, and leaves other headers alone', async () => {
    const { status, received } = await send(anonymous, [['cookie', 'session_key=; a=b']], '/orders?api_key=&b');
    expect(status).toBe(200);
    expect(received?.path).toBe('/orders?b=');
    expect(received?.headers).toContain('cookie: a=b');
  });
});

describe('API_KEY_SOURCES without authorization:bearer', () => {
  it('still accepts tokens as Bearer, but no API keys', async ({ startNode, secrets }) => {
    const node = await startNode({ API_KEY_SOURCES: 'cookie:session_key' });
    const behind = await WeirBehindEnvoy.inFrontOf(node);
    try {
      const origin = await behind.envoy();
      const { status, received } = await send(origin, [['authorization', secrets.token]]);
      expect(status).toBe(200);
      expect(received?.headers.filter((header) => header.startsWith('authorization'))).toEqual([]);
      expect(await deny(origin, [['authorization', `Bearer ${secrets.secret}`]])).toBe('missing_credential');
    } finally {
      await behind.stop();
    }
  });
});
