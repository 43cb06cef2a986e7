import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RateLimitResponse_Code } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { GrpcClient } from '../../support/clients/grpc-client.ts';
import { newDatabase } from '../../support/databases.ts';
import { type Environment, SIGNING_KEY_SECRET } from '../../support/node.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { startWeirProcess, type WeirPorts, type WeirProcess } from '../../support/weir-process.ts';

const RULES = 'domain: edge-of-test\ndescriptors: [{key: user, rate_limit: {requests: 5, window: 1h}}]\n';

let folder: string;
let databaseUrl: string;
let weir: WeirProcess;
let ports: WeirPorts;

beforeAll(async () => {
  databaseUrl = await newDatabase();
});
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-stop-'));
  await writeFile(path.join(folder, 'rules.yaml'), RULES);
});
afterEach(async () => {
  if (!weir.hasExited) weir.kill('SIGKILL');
  await weir.exited;
  await rm(folder, { recursive: true, force: true });
});

async function start(environment: Environment = {}): Promise<void> {
  ({ weir, ports } = await startWeirProcess({
    DATABASE_URL: databaseUrl,
    DATA_DIR: path.join(folder, 'data'),
    RULES_PATH: path.join(folder, 'rules.yaml'),
    SIGNING_KEY_SECRET,
    ADMIN_PASSWORD: 'a password of the tests',
    ...environment,
  }));
}

/** Asks on a new connection. */
async function ask(user: string): Promise<string> {
  const client = new GrpcClient(ports.decision);
  const { overallCode, statuses } = await shouldRateLimit(client, 'edge-of-test', ['user', user]);
  client.close();
  return overallCode === RateLimitResponse_Code.OK ? `${statuses[0]?.limitRemaining} left` : 'over';
}

async function isReady(): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${ports.http}/readyz`)).ok;
}

describe('counters in memory', () => {
  it('survive a stop and a start, and are lost when the process is killed', async () => {
    await start();
    expect([await ask('a'), await ask('a'), await ask('b')]).toEqual(['4 left', '3 left', '4 left']);
    expect(await weir.stop()).toBe(0);
    await start();
    expect([await ask('a'), await ask('b'), await ask('c')]).toEqual(['2 left', '3 left', '4 left']);
    weir.kill('SIGKILL');
    await weir.exited;
    await start();
    expect([await ask('a'), await ask('b')]).toEqual(['4 left', '4 left']);
  });

  it('begin empty where the file cannot be used, which the log says and which does not stop the start', async () => {
    await start();
    await ask('a');
    await weir.stop();
    await writeFile(path.join(folder, 'data', 'counters'), 'not counters');
    await start();
    expect(await ask('a')).toBe('4 left');
    expect(weir.printed).toContain('could not restore all counters of the last stop');
    expect(await readdir(path.join(folder, 'data'))).toContain('counters.unusable');
  });
});

describe('a stop', () => {
  it('reports NOT_SERVING at once, and serves new clients until the delay has passed', async () => {
    await start({ SHUTDOWN_DELAY_MS: '4000' });
    weir.kill('SIGTERM');
    await waitUntil(async () => !(await isReady()));
    expect(await ask('a')).toBe('4 left');
    expect(await weir.exited).toBe(0);
  });

  it('ends with SHUTDOWN_TIMEOUT_MS, whatever it still waits for', async () => {
    await start({ SHUTDOWN_TIMEOUT_MS: '1000' });
    process.kill(weir.decisionPid ?? Number.NaN, 'SIGSTOP');
    expect(await weir.stop()).toBe(1);
    expect(weir.printed).toContain('the stop took longer than SHUTDOWN_TIMEOUT_MS');
  });
});
