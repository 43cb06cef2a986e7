import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect } from 'vitest';
import { Document, parse } from 'yaml';
import { setAdminPort, setClusterPorts, setListenerPort } from '../../demo/envoy-configuration.ts';
import { ServerProcess } from '../../demo/server-process.ts';
import { findFreePort } from '../../provision/free-port.ts';
import { findEnvoy } from '../../provision/programs/find-envoy.ts';
import { listApiMethods } from '../admin/http/api-methods.ts';
import { test } from '../support/fixtures.ts';
import { ADMINISTRATOR } from '../support/node.ts';

const it = test
  .override('environment', { TRUSTED_PROXIES: '127.0.0.1/32' })
  /** Origin of an Envoy with the configuration of envoy/rest/envoy.yaml. */
  .extend('rest', { scope: 'file' }, async ({ node }, { onCleanup }) => {
    const [binary, port, adminPort] = [await findEnvoy(), await findFreePort(), await findFreePort()];
    const configuration = new Document(parse(await readFile('envoy/rest/envoy.yaml', 'utf8')));
    const ports = [setAdminPort(adminPort), setListenerPort(port), setClusterPorts('weir', [node.app.ports.admin])];
    for (const change of ports) change(configuration);
    const folder = await mkdtemp(path.join(tmpdir(), 'weir-rest-'));
    const file = path.join(folder, 'envoy.json');
    await writeFile(file, JSON.stringify(configuration));
    const envoy = new ServerProcess('envoy', binary, ['-c', file, '--concurrency', '1', '--disable-hot-restart']);
    onCleanup(async () => {
      await envoy.stop();
      await rm(folder, { recursive: true, force: true });
    });
    await envoy.waitUntilReady(`http://127.0.0.1:${adminPort}/ready`);
    return `http://127.0.0.1:${port}`;
  });

interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

async function send(url: string, { method = 'GET', headers = {}, body }: Sent = {}) {
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const response = await fetch(url, {
    method,
    headers: { ...type, ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const answer: Record<string, unknown> = text.startsWith('{') ? JSON.parse(text) : { text };
  return { status: response.status, body: answer };
}

describe("REST by Envoy's transcoder", () => {
  it('has all services of the admin API', async () => {
    const services = new Set(listApiMethods().map(({ parent }) => parent.typeName));
    const listed = (await readFile('envoy/rest/envoy.yaml', 'utf8')).matchAll(/- (weir\.admin\.v1\.\w+)/g);
    expect([...listed].map(([, name]) => name)).toEqual([...services].sort());
  });

  it('signs in, and creates, reads, updates and deletes a plan', async ({ rest }) => {
    const login = await send(`${rest}/v1/auth:login`, { method: 'POST', body: ADMINISTRATOR });
    expect(login.status).toBe(200);
    const headers = { authorization: `Bearer ${login.body.accessToken}` };
    const planId = `plan-${crypto.randomUUID()}`;
    const plan = { displayName: 'Team', limits: [{ name: 'burst', requests: 5, window: '60s' }] };
    const created = await send(`${rest}/v1/plans?planId=${planId}`, { method: 'POST', headers, body: plan });
    expect(created.body).toMatchObject({ name: `plans/${planId}`, displayName: 'Team' });
    const url = `${rest}/v1/plans/${planId}`;
    const update = { method: 'PATCH', headers, body: { displayName: 'Team 2' } };
    expect((await send(`${url}?updateMask=displayName`, update)).body).toMatchObject({ displayName: 'Team 2' });
    expect((await send(url, { headers })).body).toMatchObject({ displayName: 'Team 2', limits: [{ name: 'burst' }] });
    expect((await send(url, { method: 'DELETE', headers })).status).toBe(200);
    expect((await send(url, { headers })).status).toBe(404);
  });

  it('names the resource of custom methods and of nested collections in the path', async ({ rest, administrator }) => {
    const headers = { ...administrator };
    const { body: page } = await send(`${rest}/v1/accounts?pageSize=1`, { headers });
    const [{ name = '' } = {}] = page.accounts as { name?: string }[]; // this node has an administrator
    const usage = await send(`${rest}/v1/${name}/usage`, { headers });
    expect(usage.body).toMatchObject({ name: `${name}/usage` });
    expect((await send(`${rest}/v1/${name}/sessions`, { headers })).status).toBe(200);
    const preview = await send(`${rest}/v1/${name}:previewPlanChange`, {
      method: 'POST',
      headers,
      body: { plan: 'plans/pro' },
    });
    expect(preview.status).toBe(200);
  });

  it('answers errors with their details', async ({ rest, administrator }) => {
    const { status, body } = await send(`${rest}/v1/plans/none`, { headers: { ...administrator } });
    expect(status).toBe(404);
    expect(body).toMatchObject({
      code: 5,
      message: 'plans/none does not exist',
      details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'RESOURCE_NOT_FOUND' }],
    });
    expect((await send(`${rest}/v1/plans/free`)).status).toBe(401);
  });

  it('reaches neither methods of the data plane nor unknown paths and parameters', async ({ rest, administrator }) => {
    const headers = { ...administrator };
    const check = { method: 'POST', headers, body: {} };
    for (const path of ['/envoy.service.auth.v3.Authorization/Check', '/v1/none', '/grpc.health.v1.Health/Check']) {
      expect([path, (await send(rest + path, check)).status]).toEqual([path, 404]);
    }
    expect((await send(`${rest}/v1/plans?none=1`, { headers })).status).toBe(400);
    expect((await send(`${rest}/v1/plans%2Ffree`, { headers })).status).toBe(400);
  });
});
