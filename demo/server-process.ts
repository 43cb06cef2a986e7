import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const START_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 15_000;
/** Of what a child printed, this much is kept to tell why it failed. */
const KEPT_CHARACTERS = 8_000;

/** A process that was started here and is stopped here, by its pid. */
export class Child {
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #terminate = () => void this.#process.kill('SIGTERM');
  #printed = '';
  #isExpectedToRun = false;

  constructor(name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.#name = name;
    // A group of its own: Ctrl-C in the terminal reaches this process alone, which then stops its children in order.
    this.#process = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    process.once('exit', this.#terminate);
    this.#process.once('exit', () => {
      process.removeListener('exit', this.#terminate);
      if (this.#isExpectedToRun) console.error(`${name} ended by itself; it printed:\n${this.#printed}`);
    });
    // Without a listener the error would end this process; `untilReady` tells of it.
    this.#process.on('error', (error) => this.#keep(error.message));
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.#keep(text));
    }
  }

  /** Resolves as soon as `url` answers with a success. Throws when the child ends before that or takes a minute. */
  async untilReady(url: string): Promise<void> {
    const latest = Date.now() + START_WITHIN_MS;
    while (!this.#hasEnded && Date.now() < latest) {
      const answer = await fetch(url).catch(() => undefined); // not listening yet
      if (answer?.ok) {
        this.#isExpectedToRun = true;
        return;
      }
      await delay(50);
    }
    const what = this.#hasEnded ? 'ended while starting' : `was not ready within ${START_WITHIN_MS / 1000} s`;
    throw new Error(`${this.#name} ${what}; it printed:\n${this.#printed}`);
  }

  /** Asks it to end, and ends it when it does not. */
  async stop(): Promise<void> {
    this.#isExpectedToRun = false;
    if (this.#hasEnded) return;
    const ended = once(this.#process, 'exit');
    this.#terminate();
    const force = setTimeout(() => this.#process.kill('SIGKILL'), STOP_WITHIN_MS);
    await ended;
    clearTimeout(force);
  }

  /** Ends it without a word, as a crash would. */
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

  #keep(text: string): void {
    this.#printed = (this.#printed + text).slice(-KEPT_CHARACTERS);
  }
}
