// The load generator. Runs in a process of its own, one job at a time as its parent sends them, and exits with its
// parent.
import { computeCpuPerCall, readCpuUsage } from './cpu-usage.ts';
import { LoadConnection, type LoadState } from './load-connection.ts';
import type { LoadJob, LoadResult } from './load-job.ts';
import { LoadRecorder } from './load-recorder.ts';
import { createRequestTable } from './request-table.ts';

/** Message that answers a job. */
export type JobOutcome = { readonly result: LoadResult } | { readonly fault: string };

/** Time in ms for the calls that are still outstanding when the measured time ends. */
const MAX_DRAIN_MS = 5000;
const DRAIN_POLL_MS = 10;

process.on('disconnect', () => process.exit());
process.on('message', (job: LoadJob) => {
  const send = (outcome: JobOutcome) => process.send?.(outcome);
  runLoad(job).then(
    (result) => send({ result }),
    (fault: unknown) => send({ fault: fault instanceof Error ? fault.message : String(fault) }),
  );
});

async function runLoad(job: LoadJob): Promise<LoadResult> {
  const load: LoadState = {
    kind: job.requests.kind,
    table: createRequestTable(job.requests),
    streams: job.streams,
    recorder: new LoadRecorder(),
    isSending: true,
    nextRequest: 0,
    onResponses: () => {},
  };
  const failure = Promise.withResolvers<never>();
  const connections = Array.from({ length: job.connections }, () => {
    return new LoadConnection(job.port, load, failure.reject);
  });
  try {
    for (const connection of connections) connection.send();
    return await Promise.race([measure(job, load, connections), failure.promise]);
  } finally {
    load.isSending = false;
    for (const connection of connections) connection.close();
  }
}

async function measure(job: LoadJob, load: LoadState, connections: readonly LoadConnection[]): Promise<LoadResult> {
  await waitForTimeOrCalls(load, job.warmUpSeconds, Number.POSITIVE_INFINITY);
  const warmUpErrors = load.recorder.errors;
  const recorder = new LoadRecorder();
  load.recorder = recorder;
  const before = readCpuUsage(job.processes, readOwnCpuMicros());
  const start = performance.now();
  await waitForTimeOrCalls(load, job.seconds, job.calls);
  const seconds = (performance.now() - start) / 1000;
  const after = readCpuUsage(job.processes, readOwnCpuMicros());
  // Both are taken now, because the calls that end below are outside the measured time.
  const summary = recorder.summarize();
  const { calls } = recorder;
  await drain(load, connections);
  return { seconds, warmUpErrors, ...summary, ...computeCpuPerCall(job.processes, before, after, calls) };
}

function readOwnCpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function waitForTimeOrCalls(load: LoadState, seconds: number, calls: number): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      load.onResponses = () => {};
      resolve();
    };
    const timer = setTimeout(end, seconds * 1000);
    load.onResponses = () => {
      if (load.recorder.calls >= calls) end();
    };
  });
}

/** Waits for the outstanding calls. Throws if some do not end in time: a lost call is an error, too. */
async function drain(load: LoadState, connections: readonly LoadConnection[]): Promise<void> {
  load.isSending = false;
  const countOutstanding = () => connections.reduce((sum, { outstanding }) => sum + outstanding, 0);
  const deadline = performance.now() + MAX_DRAIN_MS;
  while (countOutstanding() > 0) {
    if (performance.now() > deadline) throw new Error(`${countOutstanding()} calls never got a response`);
    await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
  }
}
