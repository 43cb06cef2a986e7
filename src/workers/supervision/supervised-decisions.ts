import os from 'node:os';
import type { Config } from '../../config/config.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { Decisions } from '../decisions.ts';
import { setProcessPriority } from './process-priority.ts';
import { SupervisedWorker } from './supervised-worker.ts';
import type { WorkerProcess, WorkerProgram } from './worker-process.ts';

/** How much nicer the control process is than the worker. With 10, it gets a tenth of a processor that both want. */
const CONTROL_NICENESS = 10;

/**
 * Runs a program as the part of this node that decides, and restarts it when it ends. Once it has started, this process
 * lowers its own priority, so that decisions come first where processors are short. Throws InvalidRules.
 */
export async function prepareSupervisedDecisions(
  program: WorkerProgram,
  config: Config,
  log: Logger,
): Promise<Decisions> {
  const niceness = os.getPriority();
  const worker = new SupervisedWorker({
    program,
    config,
    log,
    onReplacement: (replacement) => restorePriority(replacement, niceness, log),
  });
  await worker.prepare();
  return {
    async start(settings) {
      const started = await worker.start(settings);
      setProcessPriority(process.pid, Math.min(niceness + CONTROL_NICENESS, os.constants.priority.PRIORITY_LOW));
      return started;
    },
    drain: () => worker.drain(),
    stop: () => worker.stop(),
  };
}

/** A worker that starts now inherits the low priority of this process. Only a privileged process may raise it. */
function restorePriority({ pid }: WorkerProcess, niceness: number, log: Logger): void {
  if (pid === undefined) return;
  try {
    setProcessPriority(pid, niceness);
  } catch {
    log.warn({ pid }, 'the restarted decision process has a low priority until the node is restarted');
  }
}
