import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, expect } from 'vitest';
import { sendOverHttp1 } from '../../demo/http-clients.ts';
import { startEnvoy } from '../../demo/start-envoy.ts';
import { AccountServiceService, CreateAccountRequest } from '../../src/generated/weir/admin/v1/account_service.ts';
import { ApiKeyServiceService, UpdateApiKeyRequest } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { test } from '../support/fixtures.ts';
import type { TestNode } from '../support/node.ts';
import { waitUntil } from '../support/wait-until.ts';

const it = test
  /** An upstream whose answers may be cached. They name the account, and are different each time. */
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of other fixtures from this pattern
  .extend('upstream', { scope: 'file' }, async ({}, { onCleanup }) => {
    const paths: string[] = [];
    const server = createServer(({ url = '', headers }, response) => {
      paths.push(url);
      const vary = url === '/vary' ? { vary: 'accept-encoding' } : {};
      response.writeHead(200, { 'cache-control': 'max-age=3600', date: new Date().toUTCString(), ...vary });
      response.end(JSON.stringify({ account: headers['x-weir-account'], number: paths.length }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onCleanup(() => new Promise((resolve) => void server.close(() => resolve(undefined))));
    return { port: (server.address() as AddressInfo).port, paths }; // a server that listens on TCP has such an address
  })
  .extend('origin', { scope: 'file' }, async ({ node, upstream }, { onCleanup }) => {
    const configuration = path.join('cache', 'envoy.yaml');
    const weirPort = node.app.ports.decision ?? 0;
    const envoy = await startEnvoy({ weirPort, upstreamPort: upstream.port, configuration });
    onCleanup(() => envoy.stop());
    return envoy.origin;
  })
  /** Creates a key of a new account. */
  .extend('newKey', { scope: 'file' }, ({ node, administrator }) => async (plan: string) => {
    const request = CreateAccountRequest.fromPartial({ account: { displayName: 'test' } });
    const { name } = await node.admin.call(AccountServiceService.createAccount, request, administrator);
    return {
      account: name.slice('accounts/'.length),
      ...(await node.createKey(administrator, plan, { account: name })),
    };
  });

/** Sends a request. Returns the status, the body, the remaining requests, and whether the cache has answered. */
async function send(origin: string, target: string, secret?: string, headers: [string, string][] = []) {
  const credential: [string, string][] = secret === undefined ? [] : [['x-api-key', secret]];
  const response = await sendOverHttp1(origin, { path: target, headers: [...credential, ...headers] });
  return {
    status: response.status,
    body: response.status === 200 ? JSON.parse(response.body) : undefined,
    remaining: Number(response.headers.ratelimit?.toString().match(/r=(\d+)/)?.[1]),
    isHit: 'age' in response.headers,
  };
}

async function disable(node: TestNode, administrator: Parameters<TestNode['createPlan']>[0], name: string) {
  const request = UpdateApiKeyRequest.fromPartial({ apiKey: { name, disabled: true }, updateMask: 'disabled' });
  await node.admin.call(ApiKeyServiceService.updateApiKey, request, administrator);
}

describe('Envoy’s cache behind Weir, configured as in envoy/cache/envoy.yaml', () => {
  it('answers without the upstream, and Weir charges each answer', async ({
    node,
    administrator,
    origin,
    upstream,
    newKey,
  }) => {
    await node.createPlan(administrator, 'three', 3);
    const { secret, account } = await newKey('three');
    const first = await send(origin, '/three', secret);
    expect(first).toMatchObject({ status: 200, body: { account }, remaining: 2, isHit: false });
    for (const remaining of [1, 0]) {
      expect(await send(origin, '/three', secret)).toEqual({ ...first, remaining, isHit: true });
    }
    expect(await send(origin, '/three', secret)).toMatchObject({ status: 429 });
    expect(upstream.paths.filter((each) => each === '/three')).toHaveLength(1);
  });

  it('never answers one account with the answer of another, whatever header the client sends', async ({
    origin,
    newKey,
  }) => {
    const [one, other] = [await newKey('enterprise'), await newKey('enterprise')];
    for (const { secret, account } of [one, other, one, other]) {
      expect(await send(origin, '/private', secret)).toMatchObject({ status: 200, body: { account } });
    }
    expect(await send(origin, '/private', one.secret)).toMatchObject({ isHit: true, body: { account: one.account } });
    const forged = await send(origin, '/private', other.secret, [['x-weir-account', one.account]]);
    expect(forged).toMatchObject({ isHit: true, body: { account: other.account } });
  });

  it('passes on the path and the query as the client sent them, whatever account is in them', async ({
    origin,
    upstream,
    newKey,
  }) => {
    const [one, other] = [await newKey('enterprise'), await newKey('enterprise')];
    for (const target of [
      '/',
      '/a?',
      '/a?b=x%26y&a=%2B%20z',
      `/${one.account}/private`,
      `/x/../${one.account}/other`,
    ]) {
      await send(origin, target, one.secret);
      upstream.paths.length = 0;
      expect(await send(origin, target, other.secret)).toMatchObject({ status: 200, body: { account: other.account } });
      expect(upstream.paths).toEqual([target.replace('/x/..', '')]);
    }
  });

  it('stores no answer with a vary', async ({ origin, newKey }) => {
    const { secret } = await newKey('enterprise');
    for (let request = 0; request < 3; request++) {
      expect(await send(origin, '/vary', secret)).toMatchObject({ status: 200, isHit: false });
    }
  });

  it('answers nobody whom Weir denies', async ({ node, administrator, origin, newKey }) => {
    const { name, secret } = await newKey('enterprise');
    expect(await send(origin, '/denied', secret)).toMatchObject({ status: 200, isHit: false });
    expect(await send(origin, '/denied', secret)).toMatchObject({ status: 200, isHit: true });
    expect(await send(origin, '/denied')).toMatchObject({ status: 401 });
    await disable(node, administrator, name);
    await waitUntil(async () => (await send(origin, '/denied', secret)).status === 403);
  });
});
