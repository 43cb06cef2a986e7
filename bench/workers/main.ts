// npm run workers: measures a node with 1 and with 2 workers, in turns, on one Redis. Prints a table. Runs as many rounds as
// the argument says.
import { rm } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { startRedis } from '../../provision/redis.ts';
import type { LoadJob, LoadResult, RunLoad } from '../load/load-job.ts';
import { startGenerator } from '../load/start-generator.ts';
import { computeMedian } from '../measure/median.ts';
import { ChildProcesses } from '../processes/child-processes.ts';
import { describeMachine, formatMachine } from '../report/machine.ts';
import { formatTable } from '../report/markdown-table.ts';
import { createServerFolder, startWeir, type Weir } from '../servers/start-weir.ts';

const ROUNDS = Number(process.argv[2] ?? 5);
const SECONDS = 4;
/** More than the calls of any measurement. */
const UNLIMITED_CALLS = 50_000_000;
/** Calls of each worker until V8 has compiled the hot code, however busy the machine is, and the longest time for them. */
const WARM_UP = { calls: 60_000, seconds: 40 };
/** Connections and the calls outstanding on each: a node that is saturated, and one that is not. */
const LOADS = [
  { connections: 8, streams: 50 },
  { connections: 8, streams: 1 },
];

/** A node with its results, one list for each load. */
interface Measured {
  readonly workers: number;
  readonly weir: Weir;
  readonly results: readonly LoadResult[][];
}

const children = new ChildProcesses();
const folder = await createServerFolder();
try {
  await run();
} finally {
  await children.stopAll();
  await rm(folder, { recursive: true, force: true });
}

async function run(): Promise<void> {
  const redis = await startRedis();
  children.addStopAction(redis.stop);
  const runLoad = startGenerator(children);
  const nodes: Measured[] = [];
  for (const workers of [1, 2]) {
    const variables = { REDIS_URL: redis.url, WORKERS: String(workers) };
    const weir = await startWeir({ children, folder, execArgv: [] }, variables);
    nodes.push({ workers, weir, results: LOADS.map(() => []) });
  }
  const redisPids = redis.pid === undefined ? [] : [redis.pid];
  for (const { workers, weir } of nodes) {
    const { seconds, calls } = WARM_UP;
    for (const load of LOADS) await runLoad({ ...createJob(weir, load, redisPids), seconds, calls: calls * workers });
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const node of round % 2 === 0 ? nodes : nodes.toReversed()) await measure(node, redisPids, runLoad);
  }
  const load = loadavg().map((average) => average.toFixed(1));
  print(formatMachine(describeMachine()), `Load average at the end: ${load.join(', ')}`, formatResults(nodes));
}

async function measure({ weir, results }: Measured, redisPids: readonly number[], runLoad: RunLoad): Promise<void> {
  for (const [index, load] of LOADS.entries()) results[index]?.push(await runLoad(createJob(weir, load, redisPids)));
}

function createJob(weir: Weir, load: (typeof LOADS)[number], redisPids: readonly number[]): LoadJob {
  return {
    ...load,
    port: weir.decisionPort,
    requests: { kind: 'rate_limit', domain: 'bench', key: 'tenant', values: 1000 },
    warmUpSeconds: 1,
    seconds: SECONDS,
    calls: UNLIMITED_CALLS,
    processes: { server: weir.pids, redis: redisPids },
  };
}

function formatResults(nodes: readonly Measured[]): string {
  const head = [
    'workers',
    'streams',
    'decisions/s',
    'µs of node',
    'µs of Redis',
    'µs of generator',
    'p99 ms',
    'errors',
  ];
  const rows = LOADS.flatMap(({ streams }, index) =>
    nodes.map(({ workers, results }) => {
      const measured = results[index] ?? [];
      const median = (read: (result: LoadResult) => number) => computeMedian(measured.map(read)).toFixed(1);
      return [
        String(workers),
        String(streams),
        computeMedian(measured.map(({ ok, overLimit, seconds }) => (ok + overLimit) / seconds)).toFixed(0),
        median(({ serverCpu = Number.NaN }) => serverCpu),
        median(({ redisCpu = Number.NaN }) => redisCpu),
        median(({ generatorCpu }) => generatorCpu),
        median(({ p99 }) => p99),
        String(measured.reduce((sum, { errors }) => sum + errors, 0)),
      ];
    }),
  );
  return formatTable(head, rows, 0);
}

function print(...paragraphs: readonly string[]): void {
  process.stdout.write(`${paragraphs.join('\n\n')}\n`);
}
