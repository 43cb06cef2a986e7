import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { credentials, Metadata, makeClientConstructor, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTemporaryFolder } from '../../../provision/postgres.ts';
import { AdminCalls, type AdminCallsOptions } from '../../../src/admin/server/admin-calls.ts';
import { startAdminServer } from '../../../src/admin/server/admin-server.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../src/database/embedded/embedded-postgres.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { newDatabase } from '../../support/databases.ts';
import { ADMIN, createClient, expectFailure, startAdminNode } from '../admin-node.ts';
import { listServices, readDescriptors } from './reflection-client.ts';

let node: Awaited<ReturnType<typeof startAdminNode>>;
beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
});
afterAll(() => node.stop());

const ANY_PORT = { host: '127.0.0.1', port: 0 };
const GRACE = { graceMs: 5_000 };
const CHECK = '/envoy.service.auth.v3.Authorization/Check';
const asIs = (bytes: Buffer) => bytes;
const createCalls = (services: AdminCallsOptions['services'], log: AdminCallsOptions['log']) =>
  new AdminCalls({
    services,
    contexts: { trustedProxies: [], deviceHeader: undefined },
    limitCalls: (service) => service,
    callEvents: undefined,
    recordCall: () => {},
    log,
  });
const Raw = makeClientConstructor({}, 'raw');
const rawCall = (address: string, method: string, message: Buffer, metadata = new Metadata()) =>
  new Promise<Buffer>((resolve, reject) => {
    const client = new Raw(address, credentials.createInsecure());
    client.makeUnaryRequest(method, asIs, asIs, message, metadata, (error, answer) => {
      client.close();
      if (error) reject(error);
      else resolve(answer ?? Buffer.alloc(0));
    });
  });

describe('the admin server', () => {
  it('describes the details of errors by reflection, which grpcurl could not show otherwise', async () => {
    for (const symbol of ['google.rpc.ErrorInfo', 'google.rpc.BadRequest', 'google.rpc.RetryInfo']) {
      const message = (await readDescriptors(node.address, symbol)).getMessage(symbol);
      expect(message?.fields.length, symbol).toBeGreaterThan(0);
    }
  });

  it('describes every service by reflection, with complete descriptors', async () => {
    expect(await listServices(node.address)).toEqual([
      'envoy.service.auth.v3.Authorization',
      'envoy.service.ratelimit.v3.RateLimitService',
      'grpc.health.v1.Health',
      'weir.admin.v1.AccountService',
      'weir.admin.v1.ApiKeyService',
      'weir.admin.v1.AuditService',
      'weir.admin.v1.AuthService',
      'weir.admin.v1.CounterService',
      'weir.admin.v1.DeviceService',
      'weir.admin.v1.ExplainService',
      'weir.admin.v1.IssuerService',
      'weir.admin.v1.OverviewService',
      'weir.admin.v1.PlanService',
      'weir.admin.v1.RequestLogService',
      'weir.admin.v1.RuleService',
      'weir.admin.v1.SessionService',
      'weir.admin.v1.SigningKeyService',
      'weir.admin.v1.StatusService',
      'weir.admin.v1.TokenInfoService',
      'weir.admin.v1.TokenService',
      'weir.admin.v1.UsageService',
      'weir.admin.v1.WebhookService',
    ]);
    for (const symbol of ['weir.admin.v1.ApiKeyService', 'envoy.service.auth.v3.Authorization']) {
      const registry = await readDescriptors(node.address, symbol);
      expect(registry.getService(symbol)?.methods.length).toBeGreaterThan(0);
    }
    const weir = await readDescriptors(node.address, 'weir.admin.v1.ApiKeyService');
    const apiKey = weir.getMessage('weir.admin.v1.ApiKey');
    expect(apiKey?.fields.map(({ jsonName }) => jsonName)).toContain('displayName');
  });

  it('is SERVING by the health service, and answers an unknown method with UNIMPLEMENTED', async () => {
    expect(await rawCall(node.address, '/grpc.health.v1.Health/Check', Buffer.alloc(0))).toEqual(Buffer.from([8, 1]));
    const unknown = rawCall(node.address, '/weir.admin.v1.PlanService/Nothing', Buffer.alloc(0));
    await expect(unknown).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
  });

  it('rejects a message that is not protobuf without affecting other calls', async () => {
    const bad = rawCall(node.address, '/weir.admin.v1.AuthService/Login', Buffer.from([0x0a, 0xff, 0xff]));
    await expect(bad).rejects.toThrow();
    expect(await rawCall(node.address, '/grpc.health.v1.Health/Check', Buffer.alloc(0))).toEqual(Buffer.from([8, 1]));
  });

  it('rejects a health check that is not protobuf with INVALID_ARGUMENT', async () => {
    const bad = rawCall(node.address, '/grpc.health.v1.Health/Check', Buffer.from([0x0a, 0xff, 0xff]));
    await expect(bad).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  });

  it('rejects a message that is too large with RESOURCE_EXHAUSTED', async () => {
    const huge = rawCall(node.address, '/weir.admin.v1.AuthService/Login', Buffer.alloc(2 * 1024 * 1024));
    await expect(huge).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });

  it('hides the message of an internal error from the caller and logs it with the request id', async () => {
    const lines: { fields: object; message: string }[] = [];
    const line = (fields: object, message: string) => {
      lines.push({ fields, message });
    };
    const cause = new Error('the secret is wk_live_x');
    const log = { info: line, warn: line, error: line };
    const login = { definition: { login: AuthServiceService.login }, handlers: { login: () => Promise.reject(cause) } };
    const calls = createCalls([login], log);
    const server = await startAdminServer({ address: ANY_PORT, calls, handleOther: () => {}, log });
    const auth = createClient({ login: AuthServiceService.login }, `127.0.0.1:${server.address.port}`);
    const failure = await expectFailure(auth.login({}, { 'x-request-id': 'abc' }));
    expect(failure).toMatchObject({ code: status.INTERNAL, message: expect.stringContaining('internal error') });
    expect(failure.message).not.toContain('secret');
    expect(lines).toEqual([
      {
        fields: {
          ...{ err: cause, requestId: 'abc', service: 'AuthService', method: 'login', result: 'INTERNAL' },
          ...{ actor: '', peer: '127.0.0.1', resource: '', durationMs: expect.any(Number) },
        },
        message: 'admin call failed',
      },
    ]);
    await auth.login({}).catch(() => {});
    expect(lines[1]?.fields).toMatchObject({ requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    auth.close();
    await server.stop(GRACE);
  });

  it('answers UNAVAILABLE with RetryInfo while Postgres is unavailable, and keeps its catalog', async () => {
    const dataFolder = await createTemporaryFolder();
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    const settings = { fsync: 'off' };
    const postgres: EmbeddedPostgres = await startEmbeddedPostgres({ dataFolder, log, settings });
    const ownNode = await startAdminNode(postgres.url);
    const auth = createClient(AuthServiceService, ownNode.address);
    const plans = createClient(PlanServiceService, ownNode.address);
    const { accessToken } = await auth.login(ADMIN);
    const headers = { authorization: `Bearer ${accessToken}` };
    await postgres.stop();
    for (const call of [() => auth.login(ADMIN), () => plans.listPlans({}, headers)]) {
      const failure = await expectFailure(call());
      expect(failure).toMatchObject({ code: status.UNAVAILABLE, reason: 'DATABASE_UNAVAILABLE' });
      expect(failure.details).toContain('google.rpc.RetryInfo');
    }
    expect(ownNode.trust.trust.keys).not.toEqual([]);
    auth.close();
    plans.close();
    await ownNode.stop();
    await rm(dataFolder, { recursive: true });
  });

  it('finishes running calls when it stops, and accepts no more afterwards', async () => {
    let finish = () => {};
    const started = Promise.withResolvers<void>();
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    const server = await startAdminServer({
      address: ANY_PORT,
      calls: createCalls([], log),
      handleOther: (calls) => {
        started.resolve();
        finish = () => {
          for (const call of calls) call.reply(Buffer.from('done'));
        };
      },
      log,
    });
    const address = `127.0.0.1:${server.address.port}`;
    const runningCall = rawCall(address, CHECK, Buffer.alloc(0));
    await started.promise;
    const stopped = server.stop(GRACE);
    finish();
    expect(String(await runningCall)).toBe('done');
    await stopped;
    await expect(rawCall(address, CHECK, Buffer.alloc(0))).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });

  it('keeps Postgres running for the drain when Ctrl-C reaches the whole process group of Weir', async () => {
    const dataFolder = await createTemporaryFolder();
    const script = path.join(import.meta.dirname, '..', '..', 'database', 'hold-postgres.ts');
    const holder = spawn(process.execPath, [script, dataFolder], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    const [url] = await once(holder.stdout, 'data');
    const ownNode = await startAdminNode(String(url).trim());
    process.kill(-(holder.pid ?? expect.fail()), 'SIGINT'); // to the whole group, as a terminal does
    await once(holder, 'exit');
    await expect.poll(() => ownNode.trust.staleness).toBeLessThan(500);
    expect((await ownNode.database.em.fork().execute('select 1 as one'))[0]).toEqual({ one: 1 });
    await ownNode.stop();
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    await (await startEmbeddedPostgres({ dataFolder, log })).stop(); // stops the orphan first
    await rm(dataFolder, { recursive: true });
  });
});
