import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;
const READY_POLL_MS = 50;
/** Only the end of the output is kept. Error messages contain it. */
const MAX_OUTPUT_CHARACTERS = 8_000;

/** A server that runs as a child process. It ends with this process at the latest. */
export class ServerProcess {
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #terminate = () => void this.#process.kill('SIGTERM');
  #output = '';
  #isExpectedToRun = false;

  constructor(name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.#name = name;
    // `detached` gives the child its own process group. Ctrl-C in the terminal then reaches only this process, which
    // stops its children in order.
    this.#process = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    process.once('exit', this.#terminate);
    this.#process.once('exit', () => {
      process.removeListener('exit', this.#terminate);
      if (this.#isExpectedToRun) console.error(`${name} exited unexpectedly; its output:\n${this.#output}`);
    });
    // Without a listener the error would end this process. `waitUntilReady` reports it.
    this.#process.on('error', (error) => this.#keepOutput(error.message));
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.#keepOutput(text));
    }
  }

  /** Waits until `url` responds with success. Throws if the process ends before that or takes longer than a minute. */
  async waitUntilReady(url: string): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!this.#hasEnded && Date.now() < deadline) {
      const response = await fetch(url).catch(() => undefined); // not listening yet
      if (response?.ok) {
        this.#isExpectedToRun = true;
        return;
      }
      await delay(READY_POLL_MS);
    }
    const reason = this.#hasEnded ? 'exited while starting' : `was not ready within ${START_TIMEOUT_MS / 1000} s`;
    throw new Error(`${this.#name} ${reason}; its output:\n${this.#output}`);
  }

  /** Terminates the process, and kills it if it has not ended after 15 s. */
  async stop(): Promise<void> {
    this.#isExpectedToRun = false;
    if (this.#hasEnded) return;
    const ended = once(this.#process, 'exit');
    this.#terminate();
    const killTimer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(killTimer);
  }

  /** Kills the process without warning, like a crash. */
  async kill(): Promise<void> {
    this.#isExpectedToRun = false;
    if (this.#hasEnded) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }

  get #hasEnded(): boolean {
    return this.#process.pid === undefined || this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  #keepOutput(text: string): void {
    this.#output = (this.#output + text).slice(-MAX_OUTPUT_CHARACTERS);
  }
}
