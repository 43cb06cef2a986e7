import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { expect } from 'vitest';
import { AuthorizationService, CheckRequest } from '../../../src/generated/envoy/service/auth/v3/external_auth.ts';
import { addedHeaders, check, httpStatus, parseDenial } from '../../support/clients/decision-calls.ts';
import { GrpcClient } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';
import { IdentityProvider, makeTokenKey, signToken, type TokenKey } from '../../support/servers/identity-provider.ts';
import { waitUntil } from '../../support/wait-until.ts';

const threads: Worker[] = [];
const keepThread = (thread: Worker) => threads.push(thread);
const it = test
  .extend('key', { scope: 'file' }, () => makeTokenKey('EdDSA'))
  .extend('provider', { scope: 'file' }, async ({ key }, { onCleanup }) => {
    const provider = await IdentityProvider.start();
    onCleanup(() => provider.stop());
    provider.keys = [key.publicJwk];
    return provider;
  });

it.beforeAll(() => void process.on('worker', keepThread));
it.beforeAll(async ({ node, issuers, provider, key }) => {
  await issuers.add('static', 'https://static.example.com', { jwks: { keys: [key.publicJwk] } });
  await issuers.add('slow', provider.issuer, { jwksUri: provider.jwksUri });
  await waitUntil(async () => httpStatus(await checkToken(node, await newToken(key))) === 200);
});
it.afterAll(() => void process.off('worker', keepThread));

const newToken = (key: TokenKey, iss = 'https://static.example.com') => signToken(key, { iss });
const checkToken = (node: TestNode, token: string) => check(node.decision, { authorization: `Bearer ${token}` });
const readRemaining = async (node: TestNode, token: string) =>
  Number(addedHeaders(await checkToken(node, token))['x-ratelimit-remaining']);

it('calls that are cancelled or past their deadline are charged nothing once their token is verified', async ({
  node,
  provider,
  key,
}) => {
  provider.fault = 'slow';
  const [cancelled, late] = [await newToken(key, provider.issuer), await newToken(key, provider.issuer)];
  const client = new Client(`127.0.0.1:${node.app.ports.decision}`, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = AuthorizationService.check;
  const call = (token: string, deadline: number) => {
    const headers = { authorization: `Bearer ${token}` };
    const request = CheckRequest.fromPartial({ attributes: { request: { http: { headers } } } });
    let cancel = () => {};
    const code = new Promise<number>((resolve) => {
      const options = { deadline: Date.now() + deadline };
      const made = client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        new Metadata(),
        options,
        (error) => resolve(error?.code ?? 0),
      );
      cancel = () => made.cancel();
    });
    return { code, cancel: () => cancel() };
  };
  try {
    const first = call(cancelled, 10_000);
    const second = call(late, 200);
    await sleep(100);
    first.cancel();
    expect(await Promise.all([first.code, second.code])).toEqual([status.CANCELLED, status.DEADLINE_EXCEEDED]);
    await sleep(400);
    let response = await checkToken(node, await newToken(key, provider.issuer));
    while (httpStatus(response) === 503) response = await checkToken(node, await newToken(key, provider.issuer));
    expect(addedHeaders(response)['x-ratelimit-remaining']).toBe('59');
    expect(await readRemaining(node, cancelled)).toBe(58);
    expect(await readRemaining(node, late)).toBe(57);
  } finally {
    client.close();
    provider.fault = 'none';
  }
});

const forge = (token: string) => `${token.slice(0, -8)}AAAAAAAA`;

it('calls are denied with 503 when the thread that verifies tokens dies, until it is restarted', async ({
  node,
  key,
}) => {
  const seen = await newToken(key);
  expect(httpStatus(await checkToken(node, seen))).toBe(200);
  const codes: (string | undefined)[] = [];
  for (let time = 0; time < 3; time++) {
    const started = threads.length;
    const [good, forged] = [await newToken(key), forge(await newToken(key))];
    const waiting = Array.from({ length: 20 }, async () => checkToken(node, forge(await newToken(key))));
    // Those of the part that decides and, once somebody has signed in, of the admin API.
    await Promise.all(threads.map((thread) => thread.terminate()));
    // For a tenth of a second there is no thread.
    const responses = await Promise.all([checkToken(node, good), checkToken(node, forged), checkToken(node, seen)]);
    codes.push(parseDenial(responses[0])?.code);
    expect([200, 503]).toContain(httpStatus(responses[0]));
    expect([401, 503]).toContain(httpStatus(responses[1]));
    // A token that was verified before needs no thread.
    expect(httpStatus(responses[2])).toBe(200);
    for (const response of await Promise.all(waiting)) expect([401, 503]).toContain(httpStatus(response));
    await waitUntil(() => threads.length > started);
    await waitUntil(async () => httpStatus(await checkToken(node, await newToken(key))) === 200);
    expect(httpStatus(await checkToken(node, forge(await newToken(key))))).toBe(401);
  }
  expect(codes).toContain('verification_unavailable');
});

it('a flood from one sender leaves room for others', async ({ node, key }) => {
  const clients = Array.from({ length: 3 }, () => new GrpcClient(node.app.ports.decision ?? 0));
  const good = await newToken(key);
  let forgedCount = 0;
  const flood = () => {
    const calls = Array.from({ length: 3000 }, (_, index) => {
      const token = `${good.slice(0, -20)}${`${forgedCount++}`.padStart(20, 'A')}`;
      const client = clients[index % clients.length];
      return client && check(client, { authorization: `Bearer ${token}` }, {}, '192.0.2.1').then(httpStatus);
    });
    return Promise.all(calls);
  };
  const others: (number | undefined)[] = [];
  // Usually once. A busy machine answers fewer of the others during one flood.
  for (let round = 0; round < 5 && others.length <= 3; round++) {
    let isOver = false;
    const over = flood().finally(() => {
      isOver = true;
    });
    while (!isOver) others.push(httpStatus(await checkToken(node, await newToken(key))));
    expect(new Set(await over)).toEqual(new Set([401, 503]));
  }
  expect(others.length).toBeGreaterThan(3);
  // 429 is acceptable too: all of them belong to one account.
  expect(others.filter((status) => status !== 200 && status !== 429)).toEqual([]);
  for (const client of clients) client.close();
});
