import type { ChildProcess } from 'node:child_process';
import { type ChildProcesses, receiveMessage } from '../processes/child-processes.ts';
import type { JobOutcome } from './generator-process.ts';
import type { LoadJob, LoadResult, RunLoad } from './load-job.ts';

const GENERATOR_PROGRAM = new URL('generator-process.ts', import.meta.url);

/**
 * Time that a job may take on top of its own: to encode the requests, to connect and to wait for the last responses.
 */
const MAX_OVERHEAD_SECONDS = 30;

/** Starts our own load generator in a process of its own. The process runs all jobs, one at a time. */
export function startGenerator(children: ChildProcesses): RunLoad {
  const child = children.fork(GENERATOR_PROGRAM);
  return async (job) => {
    const maxSeconds = job.warmUpSeconds + job.seconds + MAX_OVERHEAD_SECONDS;
    const killTimer = setTimeout(() => child.kill('SIGKILL'), maxSeconds * 1000);
    try {
      return await runJob(child, job);
    } finally {
      clearTimeout(killTimer);
    }
  };
}

async function runJob(child: ChildProcess, job: LoadJob): Promise<LoadResult> {
  const message = receiveMessage<JobOutcome>(child, 'the load generator');
  child.send(job);
  const outcome = await message;
  if ('fault' in outcome) throw new Error(outcome.fault);
  return outcome.result;
}
