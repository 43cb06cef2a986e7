import { createTokens, forgeTokens } from '../catalog/create-tokens.ts';
import type { LoadJob, LoadResult, RunLoad } from '../load/load-job.ts';
import { startGenerator } from '../load/start-generator.ts';
import type { Options } from '../options.ts';
import { type StartContext, startWeir } from '../servers/start-weir.ts';
import { CONNECTIONS, STREAMS, UNLIMITED_CALLS, WARM_UP_SECONDS } from './measure-speed.ts';
import { computeMedian } from './median.ts';

/** The cost of a flood of forged JWTs for callers of the rate limit service. */
export interface FloodRow {
  /** Forgeries outstanding at a time. */
  readonly outstanding: number;
  /** RLS decisions per second without the flood and with it: medians of the rounds. */
  readonly quiet: number;
  readonly flooded: number;
  /** `flooded` divided by `quiet`: median of the rounds. */
  readonly ratio: number;
  /**
   * The same ratio of decisions per CPU second of the server, including its verification thread. It shows what remains
   * where only the server is the bottleneck. It does not depend on how the machine shares its cores with other
   * processes.
   */
  readonly cpuRatio: number;
  readonly forgeriesPerSecond: number;
}

/** More than the server's cache of rejected tokens holds. */
const FORGERIES = 20_000;
/** Forgeries outstanding on each connection: few enough to wait for verification, and too many. */
const FORGERY_STREAMS = [50, 500];
/** Time that the server is warmed up before the first round, in seconds. */
const FIRST_LOAD_SECONDS = 2;

/** One round: the same RLS load without the flood and with it. */
interface Round {
  readonly quiet: LoadResult;
  readonly flooded: LoadResult;
  readonly forgeriesPerSecond: number;
}

/**
 * Measures RLS in memory without a flood and with one. Both alternate, so that other load on the machine affects them
 * alike.
 */
export async function measureFlood({ rounds, seconds }: Options, context: StartContext): Promise<FloodRow[]> {
  const { decisionPort: port, adminPort, pids } = await startWeir(context);
  await createTokens(adminPort, 0);
  const [runCallers, runFlood] = [startGenerator(context.children), startGenerator(context.children)];
  const common = {
    port,
    processes: { server: pids, redis: [] },
    connections: CONNECTIONS,
    warmUpSeconds: WARM_UP_SECONDS,
    calls: UNLIMITED_CALLS,
  };
  const requests = { kind: 'rate_limit', domain: 'bench', key: 'tenant', values: 1000 } as const;
  const callers: LoadJob = { ...common, requests, streams: STREAMS[0], seconds };
  const forgeries = { kind: 'check', credential: 'token', secrets: forgeTokens(FORGERIES) } as const;
  await runCallers({ ...callers, seconds: FIRST_LOAD_SECONDS });
  const rows: FloodRow[] = [];
  for (const streams of FORGERY_STREAMS) {
    // A second longer, so that it covers the whole time of the callers.
    const flood: LoadJob = { ...common, requests: forgeries, streams, seconds: seconds + 1 };
    const results: Round[] = [];
    for (let round = 1; round <= rounds; round++) {
      const result = await measureRound(
        () => runCallers(callers),
        () => runFlood(flood),
      );
      results.push(result);
      const rates = [result.quiet, result.flooded].map((load) => `${Math.round(computeDecisionsPerSecond(load))}/s`);
      process.stderr.write(`bench: flood, round ${round}/${rounds}: ${rates.join(', ')}\n`);
    }
    rows.push(createRow(streams * CONNECTIONS, results));
  }
  return rows;
}

async function measureRound(
  runCallers: () => ReturnType<RunLoad>,
  runFlood: () => ReturnType<RunLoad>,
): Promise<Round> {
  const quiet = await runCallers();
  const flood = runFlood();
  const flooded = await runCallers();
  const { errors, ok, seconds } = await flood;
  if (ok > 0) throw new Error(`Check: must reject every forged token (${ok} were accepted)`);
  return { quiet, flooded, forgeriesPerSecond: errors / seconds };
}

function createRow(outstanding: number, rounds: readonly Round[]): FloodRow {
  const medianOf = (read: (round: Round) => number) => computeMedian(rounds.map(read));
  return {
    outstanding,
    quiet: medianOf(({ quiet }) => computeDecisionsPerSecond(quiet)),
    flooded: medianOf(({ flooded }) => computeDecisionsPerSecond(flooded)),
    ratio: medianOf(({ quiet, flooded }) => computeDecisionsPerSecond(flooded) / computeDecisionsPerSecond(quiet)),
    cpuRatio: medianOf(({ quiet, flooded }) => readCpuPerDecision(quiet) / readCpuPerDecision(flooded)),
    forgeriesPerSecond: medianOf(({ forgeriesPerSecond }) => forgeriesPerSecond),
  };
}

function computeDecisionsPerSecond({ ok, overLimit, seconds }: LoadResult): number {
  return (ok + overLimit) / seconds;
}

function readCpuPerDecision({ serverCpu }: LoadResult): number {
  if (serverCpu === undefined) throw new Error('serverCpu: must be measured');
  return serverCpu;
}
