import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AuthorizationService, CheckRequest } from '../../../src/generated/envoy/service/auth/v3/external_auth.ts';
import { becomesTrue } from '../../counters/redis/waiting.ts';
import { newDatabase } from '../../support/databases.ts';
import { addedHeaders, check, httpStatus, parseDenial } from '../../support/decision-calls.ts';
import { GrpcClient } from '../../support/grpc-client.ts';
import {
  IdentityProvider,
  IssuerTable,
  makeTokenKey,
  signToken,
  type TokenKey,
} from '../../support/identity-provider.ts';
import { TestNode } from '../../support/node.ts';

const threads: Worker[] = [];
const note = (thread: Worker) => threads.push(thread);
let node: TestNode;
let issuers: IssuerTable;
let provider: IdentityProvider;
let key: TokenKey;

beforeAll(async () => {
  process.on('worker', note);
  const url = await newDatabase();
  node = await TestNode.start({ DATABASE_URL: url });
  issuers = await IssuerTable.open(url);
  provider = await IdentityProvider.start();
  key = await makeTokenKey('EdDSA');
  provider.keys = [key.publicJwk];
  await issuers.add('static', 'https://static.example.com', { jwks: { keys: [key.publicJwk] } });
  await issuers.add('slow', provider.issuer, { jwksUri: provider.jwksUri });
  await becomesTrue(async () => httpStatus(await ask(await newToken())) === 200);
});
afterAll(async () => {
  process.off('worker', note);
  await provider?.stop();
  await issuers?.close();
  await node?.stop();
});

const newToken = (iss = 'https://static.example.com') => signToken(key, { iss });
const ask = (token: string) => check(node.decision, { authorization: `Bearer ${token}` });
const remaining = async (token: string) => Number(addedHeaders(await ask(token))['x-ratelimit-remaining']);

it('whose caller has cancelled, or waits no longer, are charged nothing once they are verified', async () => {
  provider.fault = 'slow';
  const [cancelled, late] = [await newToken(provider.issuer), await newToken(provider.issuer)];
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
    let answer = await ask(await newToken(provider.issuer));
    while (httpStatus(answer) === 503) answer = await ask(await newToken(provider.issuer));
    expect(addedHeaders(answer)['x-ratelimit-remaining']).toBe('59');
    expect(await remaining(cancelled)).toBe(58);
    expect(await remaining(late)).toBe(57);
  } finally {
    client.close();
    provider.fault = 'none';
  }
});

const forgedFrom = (token: string) => `${token.slice(0, -8)}AAAAAAAA`;

it('are refused when the thread that verifies them dies, and it is started again', async () => {
  const seen = await newToken();
  expect(httpStatus(await ask(seen))).toBe(200);
  const codes: (string | undefined)[] = [];
  for (let time = 0; time < 3; time++) {
    const started = threads.length;
    const [good, forged] = [await newToken(), forgedFrom(await newToken())];
    const waiting = Array.from({ length: 20 }, async () => ask(forgedFrom(await newToken())));
    await threads.at(-1)?.terminate();
    // There is no thread now, for a tenth of a second.
    const answers = await Promise.all([ask(good), ask(forged), ask(seen)]);
    codes.push(parseDenial(answers[0])?.code);
    expect([200, 503]).toContain(httpStatus(answers[0]));
    expect([401, 503]).toContain(httpStatus(answers[1]));
    // What was verified before needs none.
    expect(httpStatus(answers[2])).toBe(200);
    for (const answer of await Promise.all(waiting)) expect([401, 503]).toContain(httpStatus(answer));
    await becomesTrue(() => threads.length > started);
    await becomesTrue(async () => httpStatus(await ask(await newToken())) === 200);
    expect(httpStatus(await ask(forgedFrom(await newToken())))).toBe(401);
  }
  expect(codes).toContain('verification_unavailable');
});

it('of one sender in great numbers leave room for others', async () => {
  const clients = Array.from({ length: 3 }, () => new GrpcClient(node.app.ports.decision ?? 0));
  const good = await newToken();
  const forged = Array.from({ length: 3000 }, (_, index) => `${good.slice(0, -20)}${`${index}`.padStart(20, 'A')}`);
  const flooding = forged.map((token, index) => {
    const client = clients[index % clients.length];
    return client && check(client, { authorization: `Bearer ${token}` }, {}, '192.0.2.1').then(httpStatus);
  });
  const others: (number | undefined)[] = [];
  let isOver = false;
  const over = Promise.all(flooding).finally(() => {
    isOver = true;
  });
  while (!isOver) others.push(httpStatus(await ask(await newToken())));
  expect(new Set(await over)).toEqual(new Set([401, 503]));
  expect(others.length).toBeGreaterThan(3);
  // 429 is good as well: they come on one account.
  expect(others.filter((status) => status !== 200 && status !== 429)).toEqual([]);
  for (const client of clients) client.close();
}, 30_000);
