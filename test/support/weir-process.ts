import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findDecisionProcess, findPrimaryProcess, findWorkerProcesses } from '../../provision/find-decision-process.ts';
import { findFreePort } from '../../provision/free-port.ts';
import { type Environment, NO_ADMIN_LIMITS } from './node.ts';

const POLL_MS = 50;
const START_TIMEOUT_MS = 60_000;

/** The `weir` command in its own process: from src/, or as built in dist/. */
export class WeirProcess {
  /** Everything that the process wrote to stdout and stderr. */
  printed = '';
  /** The exit code; null if a signal ended the process. */
  readonly exited: Promise<number | null>;
  readonly #child: ReturnType<typeof spawn>;

  constructor(operands: readonly string[], environment: Environment, program = 'src/main.ts') {
    const ownFolder = path.join(tmpdir(), `weir-process-${randomUUID()}`); // unless the test sets another one
    const child = spawn(process.execPath, [program, ...operands], {
      detached: true, // a process group of its own
      // The compile cache halves the time that a process takes to start.
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
        DATA_DIR: ownFolder,
        ...environment,
      },
    });
    child.once('close', () => rmSync(ownFolder, { recursive: true, force: true }));
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.printed += text;
      });
    }
    this.exited = once(child, 'close').then(([code]) => code as number | null); // as Node documents 'close'
  }

  /** The pid of the control process. */
  get pid(): number {
    return this.#child.pid ?? Number.NaN;
  }

  /** The pid of the process that decides; undefined: it is not there (yet). */
  get decisionPid(): number | undefined {
    const { pid } = this.#child;
    return pid === undefined ? undefined : findDecisionProcess(pid);
  }

  /** The pid of the process that gives several workers their connections; undefined: it is not there (yet). */
  get primaryPid(): number | undefined {
    return findPrimaryProcess(this.pid);
  }

  /** The pids of several workers, in the order of their start. */
  get workerPids(): readonly number[] {
    return findWorkerProcesses(this.pid);
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Leaves stdout unread, so that the process soon cannot write to it. */
  stopReading(): void {
    this.#child.stdout?.pause();
  }

  readAgain(): void {
    this.#child.stdout?.resume();
  }

  kill(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): void {
    this.#child.kill(signal);
  }

  /** Signals all processes of the node, as a terminal does on Ctrl-C, and a machine that loses its power. */
  killGroup(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): void {
    process.kill(-(this.#child.pid ?? Number.NaN), signal);
  }

  async stop(): Promise<number | null> {
    this.kill('SIGTERM');
    return this.exited;
  }

  /** Waits until the node is ready. Rejects if the process exits before, or is not ready within a minute. */
  async ready(httpPort: number): Promise<void> {
    const isReady = () =>
      fetch(`http://127.0.0.1:${httpPort}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (!(await isReady())) {
      if (this.hasExited) throw new Error(`weir exited before it was ready: ${this.printed}`);
      if (performance.now() > deadline) throw new Error(`weir was not ready in time: ${this.printed}`);
      await sleep(POLL_MS);
    }
  }
}

export interface WeirPorts {
  readonly decision: number;
  readonly admin: number;
  readonly http: number;
  readonly json: number;
}

/** Starts `weir serve` and waits until it is ready. By default, its ports are free ones. */
export async function startWeirProcess(environment: Environment, program?: string, ports?: WeirPorts) {
  const { decision, admin, http, json } = ports ?? (await findFreePorts());
  const defaults = {
    DECISION_ADDRESS: `127.0.0.1:${decision}`,
    ADMIN_ADDRESS: `127.0.0.1:${admin}`,
    HTTP_ADDRESS: `127.0.0.1:${http}`,
    JSON_ADDRESS: `127.0.0.1:${json}`,
    RULES_PATH: NO_ADMIN_LIMITS,
  };
  const weir = new WeirProcess(['serve'], { ...defaults, ...environment }, program);
  try {
    await weir.ready(http);
  } catch (error) {
    // Nobody else knows of the process.
    weir.kill('SIGKILL');
    throw error;
  }
  return { weir, ports: { decision, admin, http, json } };
}

export async function findFreePorts(): Promise<WeirPorts> {
  const [decision, admin, http] = [await findFreePort(), await findFreePort(), await findFreePort()];
  return { decision, admin, http, json: await findFreePort() };
}
