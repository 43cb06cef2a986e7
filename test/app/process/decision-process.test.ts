import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { getPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiKeyServiceService, CreateApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { CounterServiceService, GetCounterRequest } from '../../../src/generated/weir/admin/v1/counter_service.ts';
import { ExplainRequest, ExplainServiceService } from '../../../src/generated/weir/admin/v1/explain_service.ts';
import { TokenInfoServiceService } from '../../../src/generated/weir/admin/v1/token_info_service.ts';
import { check, httpStatus, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { GrpcClient, type Headers } from '../../support/clients/grpc-client.ts';
import { newDatabase } from '../../support/databases.ts';
import { ADMINISTRATOR, NODE_SECRETS } from '../../support/node.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { startWeirProcess, WeirProcess } from '../../support/weir-process.ts';

const UNAVAILABLE = 14;

type Started = Awaited<ReturnType<typeof startWeirProcess>>;

async function createEnvironment(): Promise<Record<string, string>> {
  return {
    DATABASE_URL: await newDatabase(),
    ...NODE_SECRETS,
  };
}

function decisionPid({ weir }: Started): number {
  const pid = weir.decisionPid;
  if (pid === undefined) throw new Error('the node has no decision process');
  return pid;
}

const countLines = (text: string, message: string) => text.split(`"msg":"${message}`).length - 1;
const isRunning = (pid: number) => existsSync(`/proc/${pid}`);

describe('a node that decides in a process of its own', () => {
  let started: Started;
  let decision: GrpcClient;
  let admin: GrpcClient;
  let administrator: Headers;
  let secret: string;
  let name: string;
  beforeAll(async () => {
    started = await startWeirProcess(await createEnvironment());
    decision = new GrpcClient(started.ports.decision);
    admin = new GrpcClient(started.ports.admin);
    const { accessToken } = await admin.call(AuthServiceService.login, ADMINISTRATOR);
    administrator = { authorization: `Bearer ${accessToken}` };
    const request = CreateApiKeyRequest.fromPartial({ apiKey: { displayName: 'test', plan: 'plans/free' } });
    const created = await admin.call(ApiKeyServiceService.createApiKey, request, administrator);
    secret = created.secret;
    name = created.apiKey?.name ?? '';
  });
  afterAll(async () => {
    decision?.close();
    admin?.close();
    await started?.weir.stop();
  });

  const fetchText = async (path: string) => (await fetch(`http://127.0.0.1:${started.ports.http}${path}`)).text();
  const readRemaining = async () => {
    const subject = { subject: { $case: 'account' as const, value: (await describeKey()).account } };
    const request = GetCounterRequest.fromPartial({ subject, limit: 'minute' });
    const { limits } = await admin.call(CounterServiceService.getCounter, request, administrator);
    return limits[0]?.remaining;
  };
  const describeKey = () => admin.call(TokenInfoServiceService.getTokenInfo, { secret });

  it('lets a key decide as soon as the admin API has returned it', async () => {
    expect(httpStatus(await check(decision, { 'x-api-key': secret }))).toBe(200);
  });

  it('counts Checks on both ports, ShouldRateLimit and /json with one set of counters', async () => {
    const key = { 'x-api-key': secret };
    const before = (await readRemaining()) ?? 0;
    await check(decision, key);
    await check(admin, key);
    await shouldRateLimit(decision, 'plans', ['api_key', name.slice('apiKeys/'.length)]);
    const entries = [{ key: 'api_key', value: name.slice('apiKeys/'.length) }];
    const answer = await fetch(`http://127.0.0.1:${started.ports.json}/json`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ domain: 'plans', descriptors: [{ entries }] }),
    });
    expect(answer.status).toBe(200);
    expect(await readRemaining()).toBe(before - 4);
    expect((await describeKey()).remaining[0]?.remaining).toBe(before - 4);
  });

  it('explains a decision with the state of that process', async () => {
    const question = { $case: 'apiKey' as const, value: name };
    const request = ExplainRequest.fromPartial({ question });
    const explanation = await admin.call(ExplainServiceService.explain, request, administrator);
    expect(explanation).toMatchObject({ answer: 'ok', apiKey: name, plan: 'plans/free' });
    expect(explanation.limits.length).toBeGreaterThan(0);
  });

  it('reports errors of the admin API that come from that process as its own', async () => {
    const subject = { subject: { $case: 'apiKey' as const, value: 'apiKeys/00000000-0000-4000-8000-000000000000' } };
    const error = await admin.callAndFail(
      CounterServiceService.getCounter,
      GetCounterRequest.fromPartial({ subject }),
      administrator,
    );
    expect(error).toMatchObject({ code: 5, details: expect.stringContaining('does not exist') });
  });

  it('has the metrics of both processes, and names the process in its default ones', async () => {
    const metrics = await fetchText('/metrics');
    expect(metrics).toMatch(/^weir_decisions_total\{question="check",verdict="allowed",source="memory"\} [1-9]/m);
    for (const process of ['control', 'decision']) {
      expect(metrics).toMatch(new RegExp(`^process_resident_memory_bytes\\{process="${process}"\\} [1-9]`, 'm'));
    }
  });

  it('logs one line when the decision process ends, is not ready, and restarts it on the same port', async () => {
    const pid = decisionPid(started);
    const readiness: number[] = [];
    process.kill(pid, 'SIGKILL');
    await waitUntil(async () => {
      const { status } = await fetch(`http://127.0.0.1:${started.ports.http}/readyz`);
      readiness.push(status);
      return status === 200 && started.weir.decisionPid !== pid;
    });
    expect(readiness).toContain(503);
    await waitUntil(
      async () => httpStatus(await check(decision, { 'x-api-key': secret }).catch(() => ({}) as never)) === 200,
    );
    expect(countLines(started.weir.printed, 'the decision process ended; restarting it')).toBe(1);
  });

  it('answers UNAVAILABLE and is not ready while the decision process hangs', async () => {
    const pid = decisionPid(started);
    process.kill(pid, 'SIGSTOP');
    try {
      const call = admin.callAndFail(TokenInfoServiceService.getTokenInfo, { secret });
      expect((await fetch(`http://127.0.0.1:${started.ports.http}/readyz`)).status).toBe(503);
      expect(await call).toMatchObject({
        code: UNAVAILABLE,
        details: expect.stringContaining('the process that decides'),
      });
      expect((await admin.call(AuthServiceService.login, ADMINISTRATOR)).accessToken).not.toBe('');
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await waitUntil(async () => (await fetch(`http://127.0.0.1:${started.ports.http}/readyz`)).ok);
    expect(httpStatus(await check(decision, { 'x-api-key': secret }))).toBe(200);
  });
});

describe('the processes of a node', () => {
  it('let decisions come first where processors are short, also after a restart', async () => {
    const started = await startWeirProcess(await createEnvironment());
    const first = decisionPid(started);
    const threads = (pid: number) => (process.platform === 'linux' ? readdirSync(`/proc/${pid}/task`) : [pid]);
    const isNicer = (pid: number) => threads(pid).every((thread) => getPriority(Number(thread)) > getPriority() + 9);
    expect([isNicer(started.weir.pid), isNicer(first)]).toEqual([true, false]);
    process.kill(first, 'SIGKILL');
    await waitUntil(() => ![undefined, first].includes(started.weir.decisionPid));
    // Only root may raise a priority.
    if (process.getuid?.() === 0) await waitUntil(() => !isNicer(decisionPid(started)));
    await started.weir.stop();
  });

  it('all end with exit code 0 when Ctrl-C reaches each of them', async () => {
    const started = await startWeirProcess(await createEnvironment());
    const pid = decisionPid(started);
    started.weir.killGroup('SIGINT');
    await sleep(5);
    started.weir.killGroup('SIGINT');
    expect(await started.weir.exited).toBe(0);
    expect(isRunning(pid)).toBe(false);
    expect(countLines(started.weir.printed, 'stopped')).toBe(1);
    expect(started.weir.printed).not.toMatch(/"level":"(error|fatal)"/);
  });

  it('end when the control process is killed, so that the next start finds its ports free', async () => {
    const started = await startWeirProcess(await createEnvironment());
    const pid = decisionPid(started);
    started.weir.kill('SIGKILL');
    await waitUntil(() => !isRunning(pid));
  });

  it('end with one report if the address of the data plane is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const addresses = { ADMIN_ADDRESS: '127.0.0.1:0', HTTP_ADDRESS: '127.0.0.1:0' };
    const environment = { ...(await createEnvironment()), ...addresses, DECISION_ADDRESS: `127.0.0.1:${port}` };
    const weir = new WeirProcess(['serve'], environment);
    expect(await weir.exited).toBe(1);
    server.close();
    const faults = weir.printed.split('\n').filter((line) => /"level":"(error|fatal)"/.test(line));
    expect(faults).toEqual([expect.stringMatching(/DECISION_ADDRESS: .*EADDRINUSE/)]);
  });
});
