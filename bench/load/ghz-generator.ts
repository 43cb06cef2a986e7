import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ChildProcesses } from '../processes/child-processes.ts';
import { readEndedChildrenCpuMicros } from '../processes/process-usage.ts';
import { type CpuUsage, computeCpuPerCall, readCpuUsage } from './cpu-usage.ts';
import { type LoadJob, type LoadResult, type RunLoad, selectMethodPath } from './load-job.ts';
import { LoadRecorder } from './load-recorder.ts';
import { createRequestMessages } from './request-messages.ts';

/** The parts of ghz's report that the bench reads. Times are in ns. */
interface GhzReport {
  readonly total: number;
  readonly details: readonly { readonly latency: number; readonly status: string; readonly error: string }[];
}

const PROTO_FOLDER = fileURLToPath(new URL('../../proto', import.meta.url));
const PROTO_FILES = {
  rate_limit: 'envoy/service/ratelimit/v3/rls.proto',
  check: 'envoy/service/auth/v3/external_auth.proto',
};
/** ghz keeps every call in memory and writes it to its report. A job with more calls is limited by its time instead. */
const MAX_GHZ_CALLS = 2_000_000;

/** Returns the path of ghz. Throws if it is not installed. */
export async function findGhz(): Promise<string> {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), path.join(homedir(), 'go', 'bin')];
  for (const file of folders.map((folder) => path.join(folder, 'ghz'))) {
    const exists = await access(file).then(
      () => true,
      () => false,
    );
    if (exists) return file;
  }
  throw new Error('ghz: must be on the PATH; install it with: go install github.com/bojand/ghz/cmd/ghz@v0.93.0');
}

/** Generates load with ghz. Its report has no responses, so every call that succeeds counts as OK. */
export function createGhzGenerator(children: ChildProcesses, ghz: string, folder: string): RunLoad {
  const dataFile = path.join(folder, 'ghz-data.json');
  const reportFile = path.join(folder, 'ghz-report.json');
  return async (job) => {
    await writeFile(dataFile, JSON.stringify(createRequestMessages(job.requests).map(toProtobufJson)));
    const before = readCpuUsage(job.processes, readEndedChildrenCpuMicros());
    await runGhz(children, ghz, createGhzArguments(job, dataFile, reportFile));
    const after = readCpuUsage(job.processes, readEndedChildrenCpuMicros());
    const report = JSON.parse(await readFile(reportFile, 'utf8')) as GhzReport; // the format of ghz
    return summarizeReport(job, report, before, after);
  };
}

async function runGhz(children: ChildProcesses, ghz: string, args: readonly string[]): Promise<void> {
  const child = children.track(spawn(ghz, args, { stdio: ['ignore', 'ignore', 'inherit'] }));
  const [code] = await once(child, 'exit'); // rejects if ghz cannot be started
  if (code !== 0) throw new Error(`ghz: must exit with code 0 (got ${code})`);
}

/** Translates a job. ghz has no warm-up that it leaves out of its report, so this measures the whole run. */
function createGhzArguments(
  { port, requests, connections, streams, seconds, calls }: LoadJob,
  dataFile: string,
  reportFile: string,
): string[] {
  const options = {
    proto: path.join(PROTO_FOLDER, PROTO_FILES[requests.kind]),
    'import-paths': PROTO_FOLDER,
    call: selectMethodPath(requests.kind).slice(1),
    'data-file': dataFile,
    connections,
    concurrency: connections * streams,
    ...(calls < MAX_GHZ_CALLS ? { total: calls } : { duration: `${seconds}s`, 'duration-stop': 'wait' }),
    format: 'json',
    output: reportFile,
  };
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  return ['--insecure', '--count-errors', ...args, `127.0.0.1:${port}`];
}

function summarizeReport({ processes }: LoadJob, report: GhzReport, before: CpuUsage, after: CpuUsage): LoadResult {
  const recorder = new LoadRecorder();
  for (const { latency, status, error } of report.details) {
    if (status !== 'OK') throw new Error(`ghz: a call ended with ${status}: ${error}`);
    recorder.ok++;
    recorder.recordLatency(latency / 1e6);
  }
  return {
    seconds: report.total / 1e9,
    warmUpErrors: 0,
    ...recorder.summarize(),
    ...computeCpuPerCall(processes, before, after, recorder.calls),
  };
}

/** Converts a message to protobuf's JSON mapping: a oneof becomes the field that is set, and bytes are left out. */
function toProtobufJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toProtobufJson);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).flatMap(([name, content]): [string, unknown][] => {
    if (content === undefined || content instanceof Uint8Array) return [];
    if (isOneOf(content)) return [[content.$case, toProtobufJson(content.value)]];
    return [[name, toProtobufJson(content)]];
  });
  return Object.fromEntries(fields);
}

function isOneOf(content: unknown): content is { readonly $case: string; readonly value: unknown } {
  return typeof content === 'object' && content !== null && '$case' in content;
}
