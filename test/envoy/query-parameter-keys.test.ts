import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuthorizationService, CheckRequest } from '../../src/generated/envoy/service/auth/v3/external_auth.ts';
import { WeirBehindEnvoy, sendThrough } from '../support/weir-behind-envoy.ts';
import { newDatabase } from '../support/databases.ts';
import type { Headers } from '../support/grpc-client.ts';
import { TestNode } from '../support/node.ts';
import { parseDenial } from '../support/decision-calls.ts';

const logged: string[] = [];
const log = pino({ level: 'trace' }, { write: (line) => void logged.push(line) });
let weir: WeirBehindEnvoy;
let origin: string;
let administrator: Headers;
let secret: string;
let other: string;

beforeAll(async () => {
  weir = await WeirBehindEnvoy.start({ DATABASE_URL: await newDatabase(), API_KEY_QUERY_PARAMETER: 'api_key' }, log);
  origin = await weir.envoy();
  administrator = await weir.node.signIn();
  ({ secret } = await weir.node.createKey(administrator, 'enterprise'));
  ({ secret: other } = await weir.node.createKey(administrator, 'enterprise'));
}, 600_000);
afterAll(() => weir?.stop());

const ask = (path: string, headers: [string, string][] = []) => sendThrough(origin, { path, headers });

describe('an API key in the query, behind a real Envoy', () => {
  it('lets in, and the upstream sees the rest of the query alone, in which Envoy sorts the names', async () => {
    const first = await ask(`/orders?sort=a%2Cb&api_key=${secret}&page=2&flag&page=1`);
    expect(first.status).toBe(200);
    expect(first.received?.path).toBe('/orders?flag=&page=2&page=1&sort=a%2Cb');
    expect((await ask(`/orders?api_key=${secret}`)).received?.path).toBe('/orders');
    expect(JSON.stringify(first.received)).not.toContain(secret);
    expect(first.received?.headers.filter((each) => each.startsWith('x-weir-key'))).toHaveLength(1);
  });

  it('may be percent-encoded, value and name, and is taken out all the same', async () => {
    const encoded = secret.replaceAll('_', '%5f');
    for (const query of [`api_key=${encoded}`, `api%5Fkey=${encoded}`, `a&api%5fkey=${secret}&b`]) {
      const { status, received } = await ask(`/orders?${query}`);
      expect({ query, status }).toEqual({ query, status: 200 });
      expect(received?.path).not.toMatch(/api|wk/);
    }
  });

  it('given twice is none, be it the same or another', async () => {
    for (const query of [
      `api_key=${secret}&api_key=${secret}`,
      `api_key=${secret}&api_key=${other}`,
      `api_key=${secret}&api%5Fkey=${other}`,
      `api_key=${secret}&api_key=`,
    ]) {
      const { status, answer } = await ask(`/orders?${query}`);
      expect({ query, status }).toEqual({ query, status: 401 });
      expect(JSON.parse(answer.body).error.code).toBe('malformed_credential');
      expect(answer.body).not.toContain(secret);
    }
  });

  it('goes behind a header, and the upstream sees neither', async () => {
    for (const header of [
      ['x-api-key', secret],
      ['authorization', `Bearer ${secret}`],
    ] as [string, string][]) {
      const { status, received } = await ask(`/orders?api_key=${other}&a=1`, [header]);
      expect(status).toBe(200);
      expect(received?.path).toBe('/orders?a=1');
      expect(JSON.stringify(received)).not.toMatch(new RegExp(`${secret}|${other}`));
    }
    expect((await ask(`/orders?api_key=${secret}`, [['x-api-key', 'wk_live_wrong']])).status).toBe(401);
  });

  it('that is empty, or of another name, is none', async () => {
    for (const query of ['api_key=', 'api_key', `API_KEY=${secret}`, `apikey=${secret}`]) {
      const { status, answer } = await ask(`/orders?${query}`);
      expect({ query, status }).toEqual({ query, status: 401 });
      expect(JSON.parse(answer.body).error.code).toBe('missing_credential');
    }
  });
});

// After the others: they have sent the keys in every way.
it('is in no line of the log', () => {
  expect(logged.join('')).toContain('serving');
  expect(logged.filter((line) => line.includes(secret) || line.includes(other))).toEqual([]);
});

it('is not looked for unless a parameter is configured', async () => {
  const node = await TestNode.start({ DATABASE_URL: await newDatabase() });
  try {
    const http = { path: `/orders?api_key=${secret}`, headers: {} };
    const request = CheckRequest.fromPartial({ attributes: { request: { http } } });
    const answer = await node.decision.call(AuthorizationService.check, request);
    expect(parseDenial(answer)?.code).toBe('missing_credential');
  } finally {
    await node.stop();
  }
});
