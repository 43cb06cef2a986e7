import { expect } from 'vitest';
import { check, httpStatus, parseDenial } from '../../support/clients/decision-calls.ts';
import { GrpcClient } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';
import { makeTokenKey, signToken, type TokenKey } from '../../support/servers/identity-provider.ts';
import { waitUntil } from '../../support/wait-until.ts';

const ISSUER = 'https://good.example.com';
const RULES = `
domain: edge
descriptors:
  - {key: device, rate_limit: {requests: 3, window: 1h}}
`;

const it = test
  .override({ rules: RULES, environment: { DEVICE_HEADER: 'X-Device' } })
  .extend('key', { scope: 'file' }, () => makeTokenKey('EdDSA'));

it.beforeAll(async ({ node, issuers, key }) => {
  await issuers.add('good', ISSUER, { jwks: { keys: [key.publicJwk] }, defaultPlanId: 'enterprise' });
  await waitUntil(async () => httpStatus(await checkToken(node, await newToken(key))) === 200);
});

const FLOOD_TIMEOUT_MS = 50_000;
/** A flood that starves others has this many forgeries verified while they wait, also on a busy machine. */
const MIN_VERIFIED = 20;
const ALL_ALLOWED = Array.from({ length: 5 }, () => 200);

const newToken = (key: TokenKey, iss = ISSUER) => signToken(key, { iss });
const checkToken = (node: TestNode, token: string, address = '203.0.113.7', headers = {}) =>
  check(node.decision, { authorization: `Bearer ${token}`, ...headers }, {}, address);

let forgeryCount = 0;
/** Returns a token with a wrong signature that no other one equals. */
const forge = (token: string) => `${token.slice(0, -20)}${`${forgeryCount++}`.padStart(20, 'A')}`;

/** Checks forgeries, many at a time, from one address after the other, until it is stopped. */
class Flood {
  readonly statuses = new Map<number | undefined, number>();
  readonly #client: GrpcClient;
  readonly #workers: Promise<void>[];
  #isOver = false;

  constructor(node: TestNode, token: string, addresses: readonly string[], concurrency = 1_500) {
    this.#client = new GrpcClient(node.app.ports.decision ?? 0);
    this.#workers = Array.from({ length: concurrency }, async (_, index) => {
      for (let next = index; !this.#isOver; next += concurrency) {
        const authorization = `Bearer ${forge(token)}`;
        const response = await check(this.#client, { authorization }, {}, addresses[next % addresses.length]);
        const status = httpStatus(response);
        this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
      }
    });
  }

  countVerified(): number {
    return this.statuses.get(401) ?? 0;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#workers);
    this.#client.close();
  }
}

/**
 * Asks for the status of five Checks in turn, while a flood goes on that has filled the queue. A token must be verified
 * within a second. If the machine has hardly verified anything in this time, the Check is asked again: then the token
 * did not have to wait for forgeries.
 */
async function duringFlood(flood: Flood, ask: () => Promise<number | undefined>): Promise<(number | undefined)[]> {
  try {
    await waitUntil(() => flood.statuses.has(503), FLOOD_TIMEOUT_MS);
    const statuses = [];
    while (statuses.length < ALL_ALLOWED.length) {
      const verified = flood.countVerified();
      const status = await ask();
      const isMachineTooSlow = flood.countVerified() - verified < MIN_VERIFIED;
      if (status !== 503 || !isMachineTooSlow) statuses.push(status);
    }
    return statuses;
  } finally {
    await flood.stop();
  }
}

it('forgeries from one IPv6 network, each from another address, leave room for new tokens of others', async ({
  node,
  key,
}) => {
  const addresses = Array.from({ length: 5_000 }, (_, index) => `2001:db8:0:1:${index.toString(16)}::1`);
  const flood = new Flood(node, await newToken(key), addresses);
  const statuses = await duringFlood(flood, async () =>
    httpStatus(await checkToken(node, await newToken(key), '203.0.113.8')),
  );
  expect(statuses).toEqual(ALL_ALLOWED);
});

it('forgeries from thousands of networks leave room for new tokens of networks that have sent good ones', async ({
  node,
  key,
}) => {
  const addresses = Array.from({ length: 5_000 }, (_, index) => `198.18.${index >> 8}.${index & 255}`);
  expect(httpStatus(await checkToken(node, await newToken(key), '203.0.113.9'))).toBe(200);
  const flood = new Flood(node, await newToken(key), addresses);
  const statuses = await duringFlood(flood, async () =>
    httpStatus(await checkToken(node, await newToken(key), '203.0.113.9')),
  );
  expect(statuses).toEqual(ALL_ALLOWED);
});

it('forgeries that name no trusted issuer leave room for new tokens of an issuer, from networks without a history', async ({
  node,
  key,
}) => {
  const addresses = Array.from({ length: 5_000 }, (_, index) => `198.19.${index >> 8}.${index & 255}`);
  for (let time = 0; time < 30; time++) await checkToken(node, await newToken(key));
  const flood = new Flood(node, await newToken(key, 'https://unknown.example.com'), addresses);
  let last = 0;
  const statuses = await duringFlood(flood, async () =>
    httpStatus(await checkToken(node, await newToken(key), `192.0.2.${++last}`)),
  );
  expect(statuses).toEqual(ALL_ALLOWED);
});

it('forgeries that name every issuer do not keep tokens that were good before from being verified again', async ({
  node,
  key,
  issuers,
}) => {
  const addresses = Array.from({ length: 5_000 }, (_, index) => `198.20.${index >> 8}.${index & 255}`);
  const known = await newToken(key);
  const isKnown = async () => httpStatus(await checkToken(node, known, ''));
  expect(await isKnown()).toBe(200);
  const flood = new Flood(node, await newToken(key), addresses);
  let plan = 0;
  const statuses = await duringFlood(flood, async () => {
    // A changed issuer has all of its tokens verified again.
    await issuers.run(
      `update issuer set display_name = ?, audiences = ? where id = 'good'`,
      '',
      JSON.stringify(['api', `v${plan++}`]),
    );
    await node.port.refreshCatalog(undefined);
    return isKnown();
  });
  expect(statuses).toEqual(ALL_ALLOWED);
});

it('tokens beyond a limit of the domain edge are refused without being verified', async ({ node, key, metrics }) => {
  const rejected = async () =>
    Number(/^weir_tokens_refused_total\{[^}]*"signature"[^}]*\} (\d+)/m.exec(await metrics())?.[1] ?? 0);
  const before = await rejected();
  const good = await newToken(key);
  const device = { 'x-device': 'forger' };
  const codes = await Promise.all(
    Array.from(
      { length: 20 },
      async () => parseDenial(await checkToken(node, forge(good), '192.0.2.77', device))?.code,
    ),
  );
  expect(codes.filter((code) => code === 'rate_limited')).toHaveLength(17);
  expect(codes.filter((code) => code === 'unknown_credential')).toHaveLength(3);
  expect((await rejected()) - before).toBe(3);
});

it('a new token that its plan rejects costs nothing at the edge', async ({ node, administrator, key, issuers }) => {
  await node.createPlan(administrator, 'small', 1);
  const iss = 'https://small.example.com';
  await issuers.add('small', iss, { jwks: { keys: [key.publicJwk] }, defaultPlanId: 'small' });
  await node.port.refreshCatalog(undefined);
  const device = { 'x-device': 'customer' };
  const statuses = [];
  for (let time = 0; time < 6; time++) {
    statuses.push(httpStatus(await checkToken(node, await newToken(key, iss), '192.0.2.78', device)));
  }
  expect(statuses).toEqual([200, 429, 429, 429, 429, 429]);
  for (const expected of [401, 401, 429]) {
    expect(httpStatus(await checkToken(node, forge(await newToken(key)), '192.0.2.78', device))).toBe(expected);
  }
});
