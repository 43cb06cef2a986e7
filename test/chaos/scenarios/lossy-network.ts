import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTemporaryFolder } from '../../../provision/postgres.ts';
import { runCommand } from '../../../provision/run-command.ts';

const SOURCE_FILE = fileURLToPath(new URL('lossy-proxy.c', import.meta.url));

/** A network to a server on this machine that loses packets on demand. Needs a C compiler. */
export class LossyNetwork {
  /** REDIS_URL of the server behind it. */
  readonly url: string;
  readonly #proxy: ChildProcess;

  private constructor(proxy: ChildProcess, port: number) {
    this.#proxy = proxy;
    this.url = `redis://127.0.0.1:${port}`;
  }

  static async start(serverPort: number): Promise<LossyNetwork> {
    const program = path.join(await createTemporaryFolder(), 'lossy-proxy');
    await runCommand('cc', '-O1', '-o', program, SOURCE_FILE);
    const proxy = spawn(program, [`${serverPort}`], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [port] = await once(proxy.stdout, 'data');
    return new LossyNetwork(proxy, Number(port));
  }

  /** Sets the share of packets, 0 to 1, that each side loses of those that the other side sends. */
  setLoss(share: number): void {
    this.#proxy.stdin?.write(`${Math.round(1000 * share)}\n`);
  }

  async stop(): Promise<void> {
    const exited = once(this.#proxy, 'exit');
    this.#proxy.stdin?.end();
    await exited;
  }
}
