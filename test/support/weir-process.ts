import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/database/embedded/free-port.ts';

/** The weir command in a process of its own, from src/. */
export class WeirProcess {
  printed = '';
  readonly exited: Promise<number | null>;
  readonly #child: ReturnType<typeof spawn>;

  constructor(operands: readonly string[], environment: Readonly<Record<string, string>>) {
    const child = spawn(process.execPath, ['src/main.ts', ...operands], {
      env: { PATH: process.env.PATH, ...environment },
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.printed += text;
      });
    }
    this.exited = once(child, 'close').then(([code]) => code as number | null); // as Node documents 'close'
  }

  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return this.exited;
  }

  /** Waits until it is ready at an HTTP port; rejects when it has ended before. */
  async ready(httpPort: number): Promise<void> {
    const isReady = () =>
      fetch(`http://127.0.0.1:${httpPort}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    while (!(await isReady())) {
      if (this.#child.exitCode !== null) throw new Error(`weir has ended: ${this.printed}`);
      await sleep(50);
    }
  }
}

/** Serves with everything that the environment says; ports are free ones. */
export async function serve(environment: Readonly<Record<string, string>>) {
  const [decision, admin, http] = [await freePort(), await freePort(), await freePort()];
  const weir = new WeirProcess(['serve'], {
    DECISION_ADDRESS: `127.0.0.1:${decision}`,
    ADMIN_ADDRESS: `127.0.0.1:${admin}`,
    HTTP_ADDRESS: `127.0.0.1:${http}`,
    ...environment,
  });
  await weir.ready(http);
  return { weir, ports: { decision, admin, http } };
}
