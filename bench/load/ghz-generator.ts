import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Children } from '../processes/child-processes.ts';
import { cpuMicroseconds, endedChildrenMicroseconds } from '../processes/process-usage.ts';
import { type LoadJob, type LoadResult, pathOf } from './load-job.ts';
import { LoadTally } from './load-recorder.ts';
import { requests } from './request-table.ts';
import type { Drive } from './start-generator.ts';

/** What is read of ghz' report; times in ns. */
interface GhzReport {
  readonly total: number;
  readonly details: readonly { readonly latency: number; readonly status: string; readonly error: string }[];
}

const PROTO_FOLDER = fileURLToPath(new URL('../../proto', import.meta.url));
const PROTO_FILES = {
  rate_limit: 'envoy/service/ratelimit/v3/rls.proto',
  check: 'envoy/service/auth/v3/external_auth.proto',
};
/** ghz keeps every call in memory and writes it to its report. */
const MOST_CALLS = 2_000_000;

/** Path of ghz; throws when there is none. */
export async function findGhz(): Promise<string> {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), path.join(homedir(), 'go', 'bin')];
  for (const file of folders.map((folder) => path.join(folder, 'ghz'))) {
    const isThere = await access(file).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  throw new Error('no ghz on the PATH; to get it: go install github.com/bojand/ghz/cmd/ghz@latest');
}

/** Drives with ghz. It tells whether calls succeed, but not whether they are granted: all count as OK. */
export function ghzDrive(children: Children, ghz: string, folder: string): Drive {
  const dataFile = path.join(folder, 'ghz-data.json');
  const reportFile = path.join(folder, 'ghz-report.json');
  return async (job) => {
    await writeFile(dataFile, JSON.stringify(requests(job.questions).map(toJson)));
    const before = usage(job);
    await runGhz(children, ghz, argumentsOf(job, dataFile, reportFile));
    const after = usage(job);
    const report = JSON.parse(await readFile(reportFile, 'utf8')) as GhzReport; // ghz' own form
    return resultOf(job, report, before, after);
  };
}

async function runGhz(children: Children, ghz: string, args: readonly string[]): Promise<void> {
  const child = children.add(spawn(ghz, args, { stdio: ['ignore', 'ignore', 'inherit'] }));
  const [code] = await once(child, 'exit'); // rejects when ghz cannot be started
  if (code !== 0) throw new Error(`ghz ended with exit code ${code}`);
}

/** ghz has no warm-up that it does not count: what the job asks for is measured as well. */
function argumentsOf({ port, questions, connections, streams, seconds, calls }: LoadJob, data: string, report: string) {
  const options = {
    proto: path.join(PROTO_FOLDER, PROTO_FILES[questions.kind]),
    'import-paths': PROTO_FOLDER,
    call: pathOf(questions).slice(1),
    'data-file': data,
    connections,
    concurrency: connections * streams,
    ...(calls < MOST_CALLS ? { total: calls } : { duration: `${seconds}s`, 'duration-stop': 'wait' }),
    format: 'json',
    output: report,
  };
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  return ['--insecure', '--count-errors', ...args, `127.0.0.1:${port}`];
}

/** CPU time so far, in µs. */
function usage({ processes }: LoadJob) {
  return {
    server: cpuMicroseconds(processes.server),
    redis: cpuMicroseconds(processes.redis),
    generator: endedChildrenMicroseconds(),
  };
}

type Usage = ReturnType<typeof usage>;

function resultOf({ processes }: LoadJob, report: GhzReport, before: Usage, after: Usage): LoadResult {
  const tally = new LoadTally();
  for (const { latency, status, error } of report.details) {
    if (status !== 'OK') throw new Error(`ghz: a call ended with ${status}: ${error}`);
    tally.ok++;
    tally.recordLatency(latency / 1e6);
  }
  const perCall = (what: keyof Usage) => (after[what] - before[what]) / tally.calls;
  return {
    seconds: report.total / 1e9,
    warmUpErrors: 0,
    ...tally.summary(),
    serverCpu: processes.server.length > 0 ? perCall('server') : undefined,
    redisCpu: processes.redis.length > 0 ? perCall('redis') : undefined,
    generatorCpu: perCall('generator'),
  };
}

/** As protobuf's JSON mapping has it: a oneof is the field that is set, and empty bytes are left out. */
function toJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).flatMap(([name, content]): [string, unknown][] => {
    if (content === undefined || content instanceof Uint8Array) return [];
    if (isOneOf(content)) return [[content.$case, toJson(content.value)]];
    return [[name, toJson(content)]];
  });
  return Object.fromEntries(fields);
}

function isOneOf(content: unknown): content is { readonly $case: string; readonly value: unknown } {
  return typeof content === 'object' && content !== null && '$case' in content;
}
