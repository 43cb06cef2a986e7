import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { credentials, Metadata, makeClientConstructor, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTemporaryFolder } from '../../provision/postgres.ts';
import { startAdminServer } from '../../src/admin/server/admin-server.ts';
import { DECISION_PATHS } from '../../src/data-plane/decision-methods.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import { newDatabase } from '../support/databases.ts';
import { ADMIN, createClient, expectFailure, startAdminNode } from './admin-node.ts';
import { listServices, readDescriptors } from './reflection-client.ts';

let node: Awaited<ReturnType<typeof startAdminNode>>;
beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
});
afterAll(() => node.stop());

const CHECK = '/envoy.service.auth.v3.Authorization/Check';
const asIs = (bytes: Buffer) => bytes;
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
  it('describes every service by reflection, with complete descriptors', async () => {
    expect(await listServices(node.address)).toEqual([
      'envoy.service.auth.v3.Authorization',
      'envoy.service.ratelimit.v3.RateLimitService',
      'grpc.health.v1.Health',
      'weir.admin.v1.ApiKeyService',
      'weir.admin.v1.AuthService',
      'weir.admin.v1.CounterService',
      'weir.admin.v1.ExplainService',
      'weir.admin.v1.IssuerService',
      'weir.admin.v1.PlanService',
      'weir.admin.v1.SigningKeyService',
      'weir.admin.v1.TokenInfoService',
      'weir.admin.v1.TokenService',
    ]);
    for (const symbol of ['weir.admin.v1.ApiKeyService', 'envoy.service.auth.v3.Authorization']) {
      const registry = await readDescriptors(node.address, symbol);
      expect(registry.getService(symbol)?.methods.length).toBeGreaterThan(0);
    }
    const weir = await readDescriptors(node.address, 'weir.admin.v1.ApiKeyService');
    const apiKey = weir.getMessage('weir.admin.v1.ApiKey');
    expect(apiKey?.fields.map(({ jsonName }) => jsonName)).toContain('displayName');
  });

  it('serves the methods of the data plane as well, with unchanged messages', async () => {
    const server = await startAdminServer({
      address: '127.0.0.1:0',
      services: [],
      dataPlane: {
        paths: DECISION_PATHS,
        healthNames: [],
        handler: (calls) => {
          for (const call of calls) call.reply(call.message);
        },
      },
      log: { info: () => {}, warn: () => {}, error: () => {} },
    });
    const message = Buffer.from([8, 1, 0xff]);
    for (const method of [
      '/envoy.service.auth.v3.Authorization/Check',
      '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit',
    ]) {
      expect(await rawCall(server.address, method, message)).toEqual(message);
    }
    await server.stop();
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
    const server = await startAdminServer({
      address: '127.0.0.1:0',
      services: [{ definition: { login: AuthServiceService.login }, handlers: { login: () => Promise.reject(cause) } }],
      dataPlane: { paths: [], handler: () => {}, healthNames: [] },
      log: { info: line, warn: line, error: line },
    });
    const auth = createClient({ login: AuthServiceService.login }, server.address);
    const failure = await expectFailure(auth.login({}, { 'x-request-id': 'abc' }));
    expect(failure).toMatchObject({ code: status.INTERNAL, message: expect.stringContaining('internal error') });
    expect(failure.message).not.toContain('secret');
    expect(lines).toEqual([
      { fields: { err: cause, requestId: 'abc', method: 'login' }, message: 'admin call failed' },
    ]);
    await auth.login({}).catch(() => {});
    expect(lines[1]?.fields).toMatchObject({ requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    auth.close();
    await server.stop();
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
    expect(ownNode.catalog.plan('free')).toBeDefined();
    auth.close();
    plans.close();
    await ownNode.stop();
    await rm(dataFolder, { recursive: true });
  });

  it('finishes running calls and rejects new ones when it stops', async () => {
    let finish = () => {};
    const started = Promise.withResolvers<void>();
    const server = await startAdminServer({
      address: '127.0.0.1:0',
      services: [],
      dataPlane: {
        paths: [CHECK],
        healthNames: [],
        handler: (calls) => {
          started.resolve();
          finish = () => {
            for (const call of calls) call.reply(Buffer.from('done'));
          };
        },
      },
      log: { info: () => {}, warn: () => {}, error: () => {} },
    });
    const runningCall = rawCall(server.address, CHECK, Buffer.alloc(0));
    await started.promise;
    const stopped = server.stop();
    await expect(rawCall(server.address, CHECK, Buffer.alloc(0))).rejects.toMatchObject({ code: status.UNAVAILABLE });
    finish();
    expect(String(await runningCall)).toBe('done');
    await stopped;
  });

  it('keeps Postgres running for the drain when Ctrl-C reaches the whole process group of Weir', async () => {
    const dataFolder = await createTemporaryFolder();
    const script = path.join(import.meta.dirname, '..', 'database', 'hold-postgres.ts');
    const holder = spawn(process.execPath, [script, dataFolder], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    const [url] = await once(holder.stdout, 'data');
    const ownNode = await startAdminNode(String(url).trim());
    process.kill(-(holder.pid ?? expect.fail()), 'SIGINT'); // to the whole group, as a terminal does
    await once(holder, 'exit');
    await expect.poll(() => ownNode.catalog.staleness).toBeLessThan(500);
    expect((await ownNode.database.em.fork().execute('select 1 as one'))[0]).toEqual({ one: 1 });
    await ownNode.stop();
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    await (await startEmbeddedPostgres({ dataFolder, log })).stop(); // stops the orphan first
    await rm(dataFolder, { recursive: true });
  });
});
