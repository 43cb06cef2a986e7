import { spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findDecisionProcess, findPrimaryProcess, findWorkerProcesses } from '../../provision/find-decision-process.ts';
import { findFreePort } from '../../provision/free-port.ts';
import { type ChildProcesses, hasExited, requirePid } from '../processes/child-processes.ts';

/** Context that every server starts in. */
export interface StartContext {
  /** The server is registered here, to be stopped in the end. */
  readonly children: ChildProcesses;
  /** Folder for the server's files. */
  readonly folder: string;
  /** Arguments for Node itself, if the server runs in Node. */
  readonly execArgv: readonly string[];
}

export interface Weir {
  readonly decisionPort: number;
  readonly adminPort: number;
  readonly httpPort: number;
  /** The control process, then the one that decides; of several workers, the primary process before them. */
  readonly pids: readonly [number, number, ...number[]];
}

export const ADMINISTRATOR = { email: 'admin@example.com', password: 'only-for-the-bench' };

const PROGRAM = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const START_TIMEOUT_MS = 120_000;
const READY_POLL_MS = 50;

/** The limits grant every request, except `scarce`, which rejects nearly all. */
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

/** Creates a folder for the files of servers. Other users can read it, because an embedded Postgres may run as one. */
export async function createServerFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-bench-'));
  await chmod(folder, 0o755);
  return folder;
}

/**
 * Starts the built `weir serve` in a new folder below the given one, with more environment variables, and waits until
 * it is ready. Throws if it exits before that or takes longer than two minutes.
 */
export async function startWeir(
  { children, folder: parentFolder, execArgv }: StartContext,
  variables: Readonly<Record<string, string>> = {},
): Promise<Weir> {
  const folder = await mkdtemp(path.join(parentFolder, 'weir-'));
  await chmod(folder, 0o755);
  const rules = path.join(folder, 'rules.yaml');
  await writeFile(rules, RULES);
  const [decisionPort, adminPort, httpPort] = [await findFreePort(), await findFreePort(), await findFreePort()];
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
  const child = children.track(
    spawn(process.execPath, [...execArgv, PROGRAM, 'serve'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  const logFile = path.join(folder, 'log');
  const log = createWriteStream(logFile);
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!(await isReady(httpPort))) {
    if (performance.now() > deadline || hasExited(child)) {
      throw new Error(`weir serve: did not become ready; the end of its log:\n${readLastLines(logFile)}`);
    }
    await delay(READY_POLL_MS);
  }
  const pid = requirePid(child);
  const decisionPid = findDecisionProcess(pid) ?? findPrimaryProcess(pid);
  if (decisionPid === undefined) throw new Error('weir serve: must have a process that decides');
  return { decisionPort, adminPort, httpPort, pids: [pid, decisionPid, ...findWorkerProcesses(pid)] };
}

async function isReady(httpPort: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${httpPort}/readyz`)).ok;
  } catch {
    return false;
  }
}

function readLastLines(file: string): string {
  return readFileSync(file, 'utf8').trim().split('\n').slice(-5).join('\n');
}
