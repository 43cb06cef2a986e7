import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as after } from 'node:timers/promises';

const PATIENCE_MILLISECONDS = 15_000;

/** The processes that this run has started: they are stopped one by one, and nothing else is. */
export class Children {
  #isStopping = false;
  readonly #running = new Set<ChildProcess>();
  readonly #stops: (() => Promise<void>)[] = [];

  /** Keeps the child until it ends by itself or by `stopAll`; after that no more begin. */
  add(child: ChildProcess): ChildProcess {
    if (this.#isStopping) child.kill('SIGKILL');
    this.#running.add(child);
    child.once('exit', () => this.#running.delete(child));
    return child;
  }

  /** Starts a program; it is connected to this process and ends when this process does. */
  fork(program: URL, execArgv: readonly string[] = []): ChildProcess {
    return this.add(fork(program, { execArgv: [...execArgv], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
  }

  /** For what is started elsewhere: stopped after the children, which may need it until they end. */
  addStop(stop: () => Promise<void>): void {
    this.#stops.push(stop);
  }

  async stopAll(): Promise<void> {
    this.#isStopping = true;
    await Promise.all([...this.#running].map(stop));
    await Promise.all(this.#stops.map((stopOther) => stopOther()));
  }
}

/** Throws when the child could not be started. */
export function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error(`${child.spawnfile} could not be started`);
  return child.pid;
}

export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function stop(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await Promise.race([ended, after(PATIENCE_MILLISECONDS, undefined, { ref: false })]);
  child.kill('SIGKILL');
  await ended;
}

/** The next message of a child; rejects when it ends before it sends one. */
export function nextMessage<T>(child: ChildProcess, name: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null, signal: string | null) => {
      child.removeListener('message', told);
      reject(new Error(`${name} ended early (${signal ?? `exit code ${code}`})`));
    };
    const told = (message: unknown) => {
      child.removeListener('exit', ended);
      resolve(message as T); // both ends of the channel are files of this folder
    };
    child.once('message', told);
    child.once('exit', ended);
  });
}
