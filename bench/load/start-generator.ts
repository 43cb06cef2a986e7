import type { ChildProcess } from 'node:child_process';
import { type Children, nextMessage } from '../processes/child-processes.ts';
import type { LoadAnswer } from './generator-process.ts';
import type { LoadJob, LoadResult } from './load-job.ts';

/** What drives load: our own generator or ghz. Rejects when a call got no verdict. */
export type Drive = (job: LoadJob) => Promise<LoadResult>;

/** Encoding the requests, connecting, and waiting for the last answers. */
const MARGIN_SECONDS = 30;

/** Our own generator, in a process of its own that serves the whole run. */
export function startGenerator(children: Children): Drive {
  const child = children.fork(new URL('generator-process.ts', import.meta.url));
  return async (job) => {
    const stuck = setTimeout(() => child.kill('SIGKILL'), (job.warmUpSeconds + job.seconds + MARGIN_SECONDS) * 1000);
    try {
      return await ask(child, job);
    } finally {
      clearTimeout(stuck);
    }
  };
}

async function ask(child: ChildProcess, job: LoadJob): Promise<LoadResult> {
  const answer = nextMessage<LoadAnswer>(child, 'the load generator');
  child.send(job);
  const told = await answer;
  if ('fault' in told) throw new Error(told.fault);
  return told.result;
}
