// The load generator: a process of its own that runs one job at a time, as its parent sends them, and ends with it.

import { cpuMicroseconds } from '../processes/process-usage.ts';
import { type Load, LoadConnection } from './load-connection.ts';
import type { LoadJob, LoadResult } from './load-job.ts';
import { LoadTally } from './load-recorder.ts';
import { createRequestTable } from './request-table.ts';

export type LoadAnswer = { readonly result: LoadResult } | { readonly fault: string };

/** How long answers are waited for that are outstanding when the measured time is over. */
const DRAIN_MILLISECONDS = 5000;

process.on('disconnect', () => process.exit());
process.on('message', (job: LoadJob) => {
  const answer = (message: LoadAnswer) => process.send?.(message);
  runLoad(job).then(
    (result) => answer({ result }),
    (fault: unknown) => answer({ fault: fault instanceof Error ? fault.message : String(fault) }),
  );
});

async function runLoad(job: LoadJob): Promise<LoadResult> {
  const table = createRequestTable(job.questions);
  const load: Load = {
    kind: job.questions.kind,
    table,
    streams: job.streams,
    tally: new LoadTally(),
    sending: true,
    next: 0,
    onAnswers: () => {},
  };
  const faulty = Promise.withResolvers<never>();
  const connections = Array.from({ length: job.connections }, () => new LoadConnection(job.port, load, faulty.reject));
  try {
    for (const connection of connections) connection.send();
    return await Promise.race([measure(job, load, connections), faulty.promise]);
  } finally {
    load.sending = false;
    for (const connection of connections) connection.close();
  }
}

async function measure(job: LoadJob, load: Load, connections: readonly LoadConnection[]): Promise<LoadResult> {
  await untilTimeOrCalls(load, job.warmUpSeconds, Number.POSITIVE_INFINITY);
  const warmUpErrors = load.tally.errors;
  const tally = new LoadTally();
  load.tally = tally;
  const before = usage(job);
  const begin = performance.now();
  await untilTimeOrCalls(load, job.seconds, job.calls);
  const seconds = (performance.now() - begin) / 1000;
  const after = usage(job);
  const summary = tally.summary();
  const { calls } = tally;
  await drain(load, connections);
  const perCall = (from: number, to: number) => (to - from) / calls;
  return {
    seconds,
    warmUpErrors,
    ...summary,
    serverCpu: job.processes.server.length > 0 ? perCall(before.server, after.server) : undefined,
    redisCpu: job.processes.redis.length > 0 ? perCall(before.redis, after.redis) : undefined,
    generatorCpu: perCall(before.generator, after.generator),
  };
}

function usage({ processes }: LoadJob) {
  const { user, system } = process.cpuUsage();
  return {
    server: cpuMicroseconds(processes.server),
    redis: cpuMicroseconds(processes.redis),
    generator: user + system,
  };
}

function untilTimeOrCalls(load: Load, seconds: number, calls: number): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      load.onAnswers = () => {};
      resolve();
    };
    const timer = setTimeout(end, seconds * 1000);
    load.onAnswers = () => {
      if (load.tally.calls >= calls) end();
    };
  });
}

/** A call that never ends is an error as well, so the outstanding ones are waited for. */
async function drain(load: Load, connections: readonly LoadConnection[]): Promise<void> {
  load.sending = false;
  const lost = () => connections.reduce((sum, { outstanding }) => sum + outstanding, 0);
  const deadline = performance.now() + DRAIN_MILLISECONDS;
  while (lost() > 0) {
    if (performance.now() > deadline) throw new Error(`${lost()} calls were never answered`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
