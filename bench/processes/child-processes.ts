import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

const STOP_TIMEOUT_MS = 15_000;

/** All processes that this run has started. Stops each of them by its pid, and nothing else. */
export class ChildProcesses {
  #isStopping = false;
  readonly #running = new Set<ChildProcess>();
  readonly #stopActions: (() => Promise<void>)[] = [];

  /** Registers a child for `stopAll`. A child that starts after `stopAll` is killed at once. */
  track(child: ChildProcess): ChildProcess {
    if (this.#isStopping) child.kill('SIGKILL');
    this.#running.add(child);
    child.once('exit', () => this.#running.delete(child));
    return child;
  }

  /** Starts a TypeScript program as a child with a message channel. The program exits when the channel closes. */
  fork(program: URL, execArgv: readonly string[] = []): ChildProcess {
    return this.track(fork(program, { execArgv: [...execArgv], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
  }

  /**
   * Registers a server that something else started. It is stopped after the children, which may need it until they end.
   */
  addStopAction(stop: () => Promise<void>): void {
    this.#stopActions.push(stop);
  }

  async stopAll(): Promise<void> {
    this.#isStopping = true;
    await Promise.all([...this.#running].map(stopChild));
    await Promise.all(this.#stopActions.map((stop) => stop()));
  }
}

/** Returns the pid of a child. Throws if the child could not be started. */
export function requirePid(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error(`${child.spawnfile}: cannot be started`);
  return child.pid;
}

export function hasExited(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Terminates a child, and kills it if it has not ended after 15 s. */
async function stopChild(child: ChildProcess): Promise<void> {
  if (hasExited(child)) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await Promise.race([exited, delay(STOP_TIMEOUT_MS, undefined, { ref: false })]);
  child.kill('SIGKILL');
  await exited;
}

/** Returns the next message of a child. Rejects if the child ends before it sends one. */
export function receiveMessage<T>(child: ChildProcess, name: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null, signal: string | null) => {
      child.removeListener('message', onMessage);
      reject(new Error(`${name}: exited unexpectedly (${signal ?? `exit code ${code}`})`));
    };
    const onMessage = (message: unknown) => {
      child.removeListener('exit', onExit);
      resolve(message as T); // the program is one of bench/, which sends this type
    };
    child.once('message', onMessage);
    child.once('exit', onExit);
  });
}
