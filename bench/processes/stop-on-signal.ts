import { rm } from 'node:fs/promises';
import type { ChildProcesses } from './child-processes.ts';

/** Stops what a benchmark has started. */
export interface Stopper {
  /** Stops all child processes and deletes the folder, once however often it is called. */
  stop(): Promise<void>;
  /** Whether `stop` was called, also by a signal. */
  readonly isStopping: boolean;
}

/** Creates the stopper of a benchmark. A signal that ends the process stops everything first, and exits with 1. */
export function stopOnSignal(children: ChildProcesses, folder: string): Stopper {
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= children.stopAll().then(() => rm(folder, { recursive: true, force: true }));
    return stopping;
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => void stop().then(() => process.exit(1)));
  }
  return {
    stop,
    get isStopping() {
      return stopping !== undefined;
    },
  };
}
