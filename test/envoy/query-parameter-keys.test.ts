import { pino } from 'pino';
import { describe, expect } from 'vitest';
import { AuthorizationService, CheckRequest } from '../../src/generated/envoy/service/auth/v3/external_auth.ts';
import { parseDenial } from '../support/clients/decision-calls.ts';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { test } from '../support/fixtures.ts';
import { TestNode } from '../support/node.ts';

const logLines: string[] = [];

const it = test
  .override('environment', { API_KEY_QUERY_PARAMETER: 'api_key' })
  .override('log', pino({ level: 'trace' }, { write: (line) => void logLines.push(line) }))
  /** Secrets of two keys without limits. */
  .extend('secrets', { scope: 'file' }, async ({ node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'enterprise');
    const { secret: other } = await node.createKey(administrator, 'enterprise');
    return { secret, other };
  });

type HeaderLines = [name: string, value: string][];

const send = (origin: string, path: string, headers: HeaderLines = []) => sendThrough(origin, { path, headers });

describe('an API key in the query, behind a real Envoy', () => {
  it('is accepted; the upstream sees the rest of the query, which Envoy sorts by name', async ({ envoy, secrets }) => {
    const { secret } = secrets;
    const first = await send(envoy, `/orders?sort=a%2Cb&api_key=${secret}&page=2&flag&page=1`);
    expect(first.status).toBe(200);
    expect(first.received?.path).toBe('/orders?flag=&page=2&page=1&sort=a%2Cb');
    expect((await send(envoy, `/orders?api_key=${secret}`)).received?.path).toBe('/orders');
    expect(JSON.stringify(first.received)).not.toContain(secret);
    expect(first.received?.headers.filter((header) => header.startsWith('x-weir-key'))).toHaveLength(1);
  });

  it('may be percent-encoded, and so may its name; it is removed all the same', async ({ envoy, secrets }) => {
    const { secret } = secrets;
    const encoded = secret.replaceAll('_', '%5f');
    for (const query of [`api_key=${encoded}`, `api%5Fkey=${encoded}`, `a&api%5fkey=${secret}&b`]) {
      const { status, received } = await send(envoy, `/orders?${query}`);
      expect({ query, status }).toEqual({ query, status: 200 });
      expect(received?.path).not.toMatch(/api|wk/);
    }
  });

  it('is not valid if the parameter is repeated, with the same key or another', async ({ envoy, secrets }) => {
    const { secret, other } = secrets;
    for (const query of [
      `api_key=${secret}&api_key=${secret}`,
      `api_key=${secret}&api_key=${other}`,
      `api_key=${secret}&api%5Fkey=${other}`,
      `api_key=${secret}&api_key=`,
    ]) {
      const { status, response } = await send(envoy, `/orders?${query}`);
      expect({ query, status }).toEqual({ query, status: 401 });
      expect(JSON.parse(response.body).error.code).toBe('malformed_credential');
      expect(response.body).not.toContain(secret);
    }
  });

  it('yields to a credential in a header, and the upstream sees neither', async ({ envoy, secrets }) => {
    const { secret, other } = secrets;
    for (const header of [
      ['x-api-key', secret],
      ['authorization', `Bearer ${secret}`],
    ] satisfies HeaderLines) {
      const { status, received } = await send(envoy, `/orders?api_key=${other}&a=1`, [header]);
      expect(status).toBe(200);
      expect(received?.path).toBe('/orders?a=1');
      expect(JSON.stringify(received)).not.toMatch(new RegExp(`${secret}|${other}`));
    }
    expect((await send(envoy, `/orders?api_key=${secret}`, [['x-api-key', 'wk_live_wrong']])).status).toBe(401);
  });

  it('counts as missing if the parameter is empty or has another name', async ({ envoy, secrets }) => {
    const { secret } = secrets;
    for (const query of ['api_key=', 'api_key', `API_KEY=${secret}`, `apikey=${secret}`]) {
      const { status, response } = await send(envoy, `/orders?${query}`);
      expect({ query, status }).toEqual({ query, status: 401 });
      expect(JSON.parse(response.body).error.code).toBe('missing_credential');
    }
  });

  // After the other tests, which have sent the keys in every way.
  it('appears in no line of the log', ({ secrets: { secret, other } }) => {
    expect(logLines.join('')).toContain('serving');
    expect(logLines.filter((line) => line.includes(secret) || line.includes(other))).toEqual([]);
  });

  it('is not read if API_KEY_QUERY_PARAMETER is unset', async ({ databaseUrl, secrets }) => {
    const node = await TestNode.start({ DATABASE_URL: databaseUrl });
    try {
      const http = { path: `/orders?api_key=${secrets.secret}`, headers: {} };
      const request = CheckRequest.fromPartial({ attributes: { request: { http } } });
      const response = await node.decision.call(AuthorizationService.check, request);
      expect(parseDenial(response)?.code).toBe('missing_credential');
    } finally {
      await node.stop();
    }
  });
});
