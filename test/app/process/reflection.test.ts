import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findGoTool, GO_BUILD_TIMEOUT_MS } from '../../../provision/programs/go-tools.ts';
import { listServices, readDescriptors } from '../../admin/server/reflection-client.ts';
import { newDatabase } from '../../support/databases.ts';
import { TestNode } from '../../support/node.ts';

const runFile = promisify(execFile);
const SERVICES = [
  'envoy.service.auth.v3.Authorization',
  'envoy.service.ratelimit.v3.RateLimitService',
  'grpc.health.v1.Health',
];

let node: TestNode;
let address: string;
beforeAll(async () => {
  node = await TestNode.start({ DATABASE_URL: await newDatabase() });
  address = `127.0.0.1:${node.app.ports.decision}`;
}, 600_000);
afterAll(() => node?.stop());

/** Runs grpcurl against the data plane. Returns what it prints, on both streams. */
async function grpcurl(...operands: readonly string[]): Promise<string> {
  const outcome = await runFile(await findGoTool('grpcurl'), ['-plaintext', ...operands]).catch(
    (error: unknown) => error,
  );
  const { stdout, stderr } = outcome as { stdout: string; stderr: string }; // execFile's error has them, too
  return stdout + stderr;
}

describe('grpcurl against the data plane', () => {
  beforeAll(() => findGoTool('grpcurl'), GO_BUILD_TIMEOUT_MS);

  it('lists the services', async () => {
    expect(await grpcurl(address, 'list')).toBe(SERVICES.map((name) => `${name}\n`).join(''));
  });

  it('lists the methods of a service', async () => {
    expect(await grpcurl(address, 'list', 'envoy.service.auth.v3.Authorization')).toBe(
      'envoy.service.auth.v3.Authorization.Check\n',
    );
  });

  it('describes a service, a method and a message', async () => {
    expect(await grpcurl(address, 'describe')).toContain('service RateLimitService');
    expect(await grpcurl(address, 'describe', 'envoy.service.auth.v3.Authorization.Check')).toContain('rpc Check');
    expect(await grpcurl(address, 'describe', 'envoy.service.ratelimit.v3.RateLimitRequest')).toContain(
      'uint32 hits_addend = 3',
    );
  });

  it('calls a method without proto files', async () => {
    const descriptors = [{ entries: [{ key: 'user', value: 'a' }] }];
    const request = JSON.stringify({ domain: 'unlimited', descriptors });
    const method = 'envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';
    expect(JSON.parse(await grpcurl('-d', request, address, method))).toMatchObject({ overallCode: 'OK' });
  });

  it('says where the services of the admin API are described', async () => {
    const hint = 'weir.admin.v1.PlanService: reflection on ADMIN_ADDRESS describes the admin API';
    expect(await grpcurl(address, 'describe', 'weir.admin.v1.PlanService')).toContain(hint);
    expect(await grpcurl('-d', '{}', address, 'weir.admin.v1.PlanService/ListPlans')).toContain(hint);
  });
});

describe('reflection on the data plane', () => {
  it.each(['v1', 'v1alpha'])('lists the services by version %s of the protocol', async (version) => {
    expect(await listServices(address, version)).toEqual(SERVICES);
  });

  it('describes every service with complete descriptors', async () => {
    expect(await listServices(address)).toEqual(SERVICES);
    for (const service of SERVICES) {
      expect((await readDescriptors(address, service)).getService(service)?.methods.length).toBeGreaterThan(0);
    }
  });
});
