import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePort } from '../../provision/free-port.ts';
import { type ChildProcesses, hasExited } from '../processes/child-processes.ts';

const RULES = `domain: bench
descriptors:
  - { key: tenant, rate_limit: { unit: minute, requests_per_unit: 1000000000 } }
`;
const START_TIMEOUT_MS = 30_000;
const READY_POLL_MS = 50;

/**
 * Starts a built envoyproxy/ratelimit with the limit that Weir has for each tenant, on the Redis at this port. Returns
 * its gRPC port.
 */
export async function startRatelimit(
  program: string,
  redisPort: number,
  { children, folder }: { readonly children: ChildProcesses; readonly folder: string },
): Promise<number> {
  const root = path.join(folder, 'ratelimit');
  await mkdir(path.join(root, 'rl', 'config'), { recursive: true });
  await writeFile(path.join(root, 'rl', 'config', 'bench.yaml'), RULES);
  const [http, grpc, debug] = [await findFreePort(), await findFreePort(), await findFreePort()];
  const env = {
    RUNTIME_ROOT: root,
    RUNTIME_SUBDIRECTORY: 'rl',
    REDIS_SOCKET_TYPE: 'tcp',
    REDIS_URL: `127.0.0.1:${redisPort}`,
    USE_STATSD: 'false',
    LOG_LEVEL: 'error',
    HOST: '127.0.0.1',
    PORT: `${http}`,
    GRPC_HOST: '127.0.0.1',
    GRPC_PORT: `${grpc}`,
    DEBUG_HOST: '127.0.0.1',
    DEBUG_PORT: `${debug}`,
  };
  const child = children.track(spawn(program, { env, stdio: 'ignore' }));
  child.on('error', () => undefined); // reported below
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!(await isReady(http))) {
    if (performance.now() > deadline || child.pid === undefined || hasExited(child)) {
      throw new Error(`--peer: must be a program of envoyproxy/ratelimit that starts (got "${program}")`);
    }
    await delay(READY_POLL_MS);
  }
  return grpc;
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/healthcheck`)).ok;
  } catch {
    return false;
  }
}
