import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePort } from '../../provision/free-port.ts';
import type { Environment } from './node.ts';

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
    const child = spawn(process.execPath, [program, ...operands], {
      // The compile cache halves the time that a process takes to start.
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...environment },
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.printed += text;
      });
    }
    this.exited = once(child, 'close').then(([code]) => code as number | null); // as Node documents 'close'
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  kill(signal: 'SIGTERM' | 'SIGINT'): void {
    this.#child.kill(signal);
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

/** Starts `weir serve` on free ports and waits until it is ready. */
export async function startWeirProcess(environment: Environment, program?: string) {
  const [decision, admin, http] = [await findFreePort(), await findFreePort(), await findFreePort()];
  const addresses = {
    DECISION_ADDRESS: `127.0.0.1:${decision}`,
    ADMIN_ADDRESS: `127.0.0.1:${admin}`,
    HTTP_ADDRESS: `127.0.0.1:${http}`,
  };
  const weir = new WeirProcess(['serve'], { ...addresses, ...environment }, program);
  await weir.ready(http);
  return { weir, ports: { decision, admin, http } };
}
