import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { pino } from 'pino';
import { describe, expect } from 'vitest';
import { REQUEST_EXAMPLES } from '../../../scripts/openapi/examples.ts';
import { getMessageRegistry } from '../../../src/admin/methods/message-registry.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { CreatePlanRequest, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { test } from '../../support/fixtures.ts';
import { ADMINISTRATOR, type TestNode } from '../../support/node.ts';
import { CallError } from '../admin-node.ts';
import { findService, listApiMethods, toPath } from './api-methods.ts';

const lines: Record<string, unknown>[] = [];
const log = pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line)) });
const it = test.override('log', log);

const JSON_TYPE = { 'content-type': 'application/json' };

/** Posts JSON to a method, such as `AuthService/Login`. */
async function post(node: TestNode, method: string, body: unknown, headers: Readonly<Record<string, string>> = {}) {
  const options = { method: 'POST', headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) };
  const response = await node.fetch(`/weir.admin.v1.${method}`, options);
  const answer: Record<string, unknown> = JSON.parse(await response.text());
  return { status: response.status, headers: response.headers, body: answer };
}

/** Clients of the protocols that the node serves. */
const TRANSPORTS: Readonly<Record<string, (baseUrl: string) => Transport>> = {
  'Connect with JSON': (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false }),
  'Connect with binary messages': (baseUrl) =>
    createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: true }),
  'gRPC-Web': (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' }),
};

interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Makes a call, such as `AuthService/Login`, by a client of a protocol. */
function call(node: TestNode, protocol: string, method: string, request: object, options: CallOptions = {}) {
  const transport = TRANSPORTS[protocol]?.(`http://127.0.0.1:${node.app.ports.http}`);
  if (transport === undefined) throw new Error(`no such protocol: ${protocol}`);
  const [service = '', name = ''] = method.split('/');
  // The descriptors exist at run time only, so the methods have no types.
  const client = createClient(findService(service), transport) as unknown as Record<
    string,
    (request: object, options: CallOptions) => Promise<object>
  >;
  const localName = `${name[0]?.toLowerCase()}${name.slice(1)}`;
  return client[localName]?.(request, options) ?? Promise.reject(new Error(`no such method: ${method}`));
}

async function signIn(node: TestNode): Promise<Record<string, string>> {
  return { authorization: (await node.signIn()).authorization ?? '' };
}

describe('curl', () => {
  it('signs in, and lists the plans with the token', async ({ node }) => {
    const call = async (method: string, body: string, ...more: string[]) => {
      const url = `http://127.0.0.1:${node.app.ports.http}/weir.admin.v1.${method}`;
      const args = ['-sS', '-H', 'content-type: application/json', ...more, '-d', body, url];
      return JSON.parse((await promisify(execFile)('curl', args)).stdout);
    };
    const { accessToken, expiresIn } = await call('AuthService/Login', JSON.stringify(ADMINISTRATOR));
    expect(expiresIn).toBeGreaterThan(0);
    const { plans } = await call('PlanService/ListPlans', '{}', '-H', `authorization: Bearer ${accessToken}`);
    expect(plans.map(({ name }: { name: string }) => name)).toContain('plans/free');
  });
});

describe.for(Object.keys(TRANSPORTS))('a client of %s', (protocol) => {
  it('signs in, creates a plan and reads it', async ({ node }) => {
    const login = await call(node, protocol, 'AuthService/Login', ADMINISTRATOR);
    const headers = { authorization: `Bearer ${(login as { accessToken?: string }).accessToken}` };
    const planId = `plan-${crypto.randomUUID()}`;
    const limits = [{ name: 'burst', requests: 5, window: '60s' }];
    await call(
      node,
      protocol,
      'PlanService/CreatePlan',
      { planId, plan: { displayName: 'Team', limits } },
      { headers },
    );
    expect(await call(node, protocol, 'PlanService/GetPlan', { name: `plans/${planId}` }, { headers })).toMatchObject({
      displayName: 'Team',
      limits: [{ name: 'burst', requests: 5 }],
    });
    expect(await node.admin.call(PlanServiceService.getPlan, { name: `plans/${planId}` }, headers)).toMatchObject({
      displayName: 'Team',
    });
  });

  it('gets the same errors as a client of gRPC', async ({ node }) => {
    const headers = await signIn(node);
    const plan = { planId: 'A Plan', plan: { limits: [{ name: 'x' }, { name: 'x' }] } };
    const method = { ...PlanServiceService.createPlan };
    const cases = [
      { request: plan, headers },
      { request: plan, headers: {} },
      { request: { planId: 'free', plan: {} }, headers },
    ];
    for (const { request, headers: sent } of cases) {
      const grpc = new CallError(await node.admin.callAndFail(method, CreatePlanRequest.fromPartial(request), sent));
      const failing = call(node, protocol, 'PlanService/CreatePlan', request, { headers: sent });
      const failure = ConnectError.from(await failing.catch((error: unknown) => error));
      expect({ code: failure.code, message: failure.rawMessage }).toEqual({ code: grpc.code, message: grpc.message });
      expect(failure.details.map((detail) => ('type' in detail ? detail.type : ''))).toEqual(grpc.details);
      expect(failure.findDetails(getMessage('google.rpc.ErrorInfo'))[0]).toMatchObject({
        reason: grpc.reason,
        domain: 'weir',
      });
    }
  });

  it('is answered when its deadline has passed', async ({ node }) => {
    const login = call(node, protocol, 'AuthService/Login', ADMINISTRATOR, { timeoutMs: 1 });
    const failure = ConnectError.from(await login.catch((error: unknown) => error));
    expect(failure.code).toBe(Code.DeadlineExceeded);
  });
});

describe('a call over HTTP', () => {
  it('has its request id and its address in the log and the audit trail', async ({ node }) => {
    const headers = await signIn(node);
    const planId = `plan-${crypto.randomUUID()}`;
    const ids = { ...headers, 'x-request-id': `request-${planId}` };
    const plan = { displayName: 'Team', limits: [{ name: 'burst', requests: 5, window: '60s' }] };
    expect(await post(node, 'PlanService/CreatePlan', { planId, plan }, ids)).toMatchObject({ status: 200 });
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'admin call completed', requestId: `request-${planId}`, peer: '127.0.0.1' }),
    );
    const filter = `resource = "plans/${planId}"`;
    const { body } = await post(node, 'AuditService/ListAuditEvents', { filter }, headers);
    expect(body.auditEvents).toEqual([
      expect.objectContaining({ requestId: `request-${planId}`, method: 'weir.admin.v1.PlanService/CreatePlan' }),
    ]);
  });

  it('that fails has the HTTP status and the details of Connect', async ({ node }) => {
    const { status, body, headers } = await post(node, 'PlanService/GetPlan', { name: 'plans/free' });
    expect(status).toBe(401);
    expect(body).toEqual({
      code: 'unauthenticated',
      message: expect.stringContaining('the call has no access token'),
      details: [
        {
          type: 'google.rpc.ErrorInfo',
          value: expect.any(String),
          debug: { reason: 'TOKEN_MISSING', domain: 'weir' },
        },
      ],
    });
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it.for([
    { 'connect-timeout-ms': '2147483648', 'content-type': 'application/json' },
    { 'grpc-timeout': '99999999S', 'content-type': 'application/grpc-web+proto' },
  ])('with a deadline in more than 24 days has none: %o', async (headers, { node }) => {
    const isJson = headers['content-type'] === 'application/json';
    const body = isJson ? '{}' : Buffer.alloc(5);
    const response = await node.fetch('/weir.admin.v1.AuthService/Login', { method: 'POST', headers, body });
    const answer = await response.text();
    expect(answer).toContain('email');
    expect(isJson ? response.status : /grpc-status: (\d+)/.exec(answer)?.[1]).toBe(isJson ? 400 : '3');
  });

  it('counts in the metrics like one of gRPC', async ({ node, metrics }) => {
    const read = async () =>
      Number(/weir_admin_calls_total\{[^}]*StatusService\/GetStatus[^}]*\} (\d+)/.exec(await metrics())?.[1] ?? 0);
    const before = await read();
    await post(node, 'StatusService/GetStatus', {}, await signIn(node));
    expect(await read()).toBe(before + 1);
  });

  it('by GET is refused for every method', async ({ node }) => {
    const paths = listApiMethods().map(toPath);
    expect(paths.length).toBeGreaterThan(80);
    for (const path of paths) {
      const response = await node.fetch(`${path}?connect=v1&encoding=json&message=%7B%7D`);
      expect([path, response.status, response.headers.get('allow')]).toEqual([path, 405, 'POST']);
      await response.text();
    }
  });

  it('can be each example of docs/openapi.yaml', async ({ node }) => {
    const headers = await signIn(node);
    for (const [method, example] of Object.entries(REQUEST_EXAMPLES)) {
      const { body } = await post(node, method, example, headers);
      expect([method, body.code === 'invalid_argument' ? body.message : undefined]).toEqual([method, undefined]);
    }
  });

  it('reaches every method of the admin API', async ({ node }) => {
    for (const method of listApiMethods()) {
      const { body } = await post(node, toPath(method).slice('/weir.admin.v1.'.length), {});
      expect([method.name, body.code]).not.toEqual([method.name, 'unimplemented']);
    }
  });
});

describe('a node', () => {
  it('of the role decision serves no admin API over HTTP', async ({ startNode }) => {
    const decision = await startNode({ WEIR_ROLE: 'decision', REDIS_URL: '' });
    const response = await decision.fetch('/weir.admin.v1.PlanService/ListPlans', {
      method: 'POST',
      headers: JSON_TYPE,
    });
    expect(response.status).toBe(404);
  });

  it('with HTTP_API=off serves none either, and still the key set', async ({ startNode }) => {
    const other = await startNode({ HTTP_API: 'off' });
    const options = { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(ADMINISTRATOR) };
    expect((await other.fetch('/weir.admin.v1.AuthService/Login', options)).status).toBe(404);
    expect((await other.fetch('/.well-known/jwks.json')).status).toBe(200);
    expect((await other.admin.call(AuthServiceService.login, ADMINISTRATOR)).accessToken).not.toBe('');
  });
});

function getMessage(name: string) {
  const schema = getMessageRegistry().getMessage(name);
  if (schema === undefined) throw new Error(`no such message: ${name}`);
  return schema;
}
