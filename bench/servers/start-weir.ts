import { spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../provision/free-port.ts';
import { type Children, hasEnded, pidOf } from '../processes/child-processes.ts';

/** What a server is started with. */
export interface Surroundings {
  readonly children: Children;
  /** For its files. */
  readonly folder: string;
  /** For Node. */
  readonly execArgv: readonly string[];
}

export interface Weir {
  readonly decisionPort: number;
  readonly adminPort: number;
  readonly pid: number;
}

export const ADMINISTRATOR = { email: 'admin@example.com', password: 'only-for-the-bench' };

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const START_SECONDS = 120;

/** All but `scarce` grant nearly everything; it refuses nearly everything. */
const RULES = `domain: bench
descriptors:
  - key: tenant
    rate_limit: { requests: 1000000000, window: 1m }
  - key: scarce
    rate_limit: { requests: 1, window: 1h }
  - key: triple
    limits:
      - { requests: 1000000000, window: 1m }
      - { requests: 1000000000, window: 1h }
      - { requests: 1000000000, window: 30s }
  - key: leased
    rate_limit: { requests: 1000000000, window: 1m, lease: true }
`;

/** A new folder for the servers' files. Others may look into it: an embedded Postgres may run as another user. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-bench-'));
  await chmod(folder, 0o755);
  return folder;
}

/**
 * Starts `weir serve` as it is released, with a folder of its own in the one given and these environment variables beside
 * those of all, and waits until it is ready.
 */
export async function startWeir(
  { children, folder: parent, execArgv }: Surroundings,
  variables: Readonly<Record<string, string>> = {},
): Promise<Weir> {
  const folder = await mkdtemp(path.join(parent, 'weir-'));
  await chmod(folder, 0o755);
  const rules = path.join(folder, 'rules.yaml');
  await writeFile(rules, RULES);
  const [decisionPort, adminPort, httpPort] = [await freePort(), await freePort(), await freePort()];
  const env = {
    PATH: process.env.PATH,
    DECISION_ADDRESS: `127.0.0.1:${decisionPort}`,
    ADMIN_ADDRESS: `127.0.0.1:${adminPort}`,
    HTTP_ADDRESS: `127.0.0.1:${httpPort}`,
    DATA_DIR: path.join(folder, 'data'),
    RULES_PATH: rules,
    ADMIN_EMAIL: ADMINISTRATOR.email,
    ADMIN_PASSWORD: ADMINISTRATOR.password,
    ...variables,
  };
  const child = children.add(
    spawn(process.execPath, [...execArgv, MAIN, 'serve'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  const logFile = path.join(folder, 'log');
  const log = createWriteStream(logFile);
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  const deadline = performance.now() + START_SECONDS * 1000;
  while (!(await isReady(httpPort))) {
    const isLate = performance.now() > deadline;
    if (isLate || hasEnded(child)) throw new Error(`weir serve did not get ready:\n${tail(logFile)}`);
    await after(50);
  }
  return { decisionPort, adminPort, pid: pidOf(child) };
}

async function isReady(httpPort: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${httpPort}/readyz`)).ok;
  } catch {
    return false;
  }
}

function tail(file: string): string {
  return readFileSync(file, 'utf8').trim().split('\n').slice(-5).join('\n');
}
