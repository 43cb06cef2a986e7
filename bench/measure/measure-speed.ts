import { elementAt } from '../../src/collections/element-at.ts';
import type { LoadResult, RunLoad } from '../load/load-job.ts';
import type { Options } from '../options.ts';
import { type BenchCase, type BenchServer, type CaseLimits, ECHO } from '../servers/bench-server.ts';
import { computeMedian } from './median.ts';

/** Results for one server, case and number of streams: medians of all rounds. Stored in docs/benchmarks.json. */
export interface SpeedRow {
  readonly server: string;
  readonly keys: number;
  readonly limits: CaseLimits;
  /** Calls outstanding per connection. */
  readonly streams: number;
  readonly decisionsPerSecond: number;
  /** Latencies in ms. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** CPU time in µs per decision; null: not measured. */
  readonly serverCpu: number | null;
  readonly redisCpu: number | null;
  readonly generatorCpu: number;
  /** CPU time of server and Redis, divided by that of the yardstick in the same round; null: not measured. */
  readonly cpuOfEcho: number | null;
  /** p99 divided by that of the yardstick in the same round. */
  readonly p99OfEcho: number;
  /** Share of OVER_LIMIT, 401 and 429 among the verdicts. */
  readonly overLimit: number;
  /** Calls of all rounds together that ended without a verdict, including those of void measurements. */
  readonly errors: number;
}

export const CONNECTIONS = 4;
/** Calls outstanding per connection: many, then one. */
export const STREAMS = [50, 1] as const;
export const WARM_UP_SECONDS = 0.3;
/** Warm-up before the first round, until V8 has compiled the hot code. */
const FIRST_WARM_UP_SECONDS = 2;
const MAX_ATTEMPTS = 4;
/** No measurement gets there, so it is the time that ends them. */
export const UNLIMITED_CALLS = 50_000_000;
/** Share of verdicts that must be grants, or rejections in a case that is to be rejected. */
const MIN_EXPECTED_SHARE = 0.95;
const REJECTED_CASES: readonly CaseLimits[] = ['refused', 'unknown', 'garbage'];

/** One server in one case with one number of streams, and its results, one for each round. */
interface Measurement {
  readonly server: BenchServer;
  readonly benchCase: BenchCase;
  readonly streams: number;
  readonly results: LoadResult[];
  errors: number;
}

/**
 * Measures every server in every case. In each round the servers take turns, so that noise affects all of them alike.
 */
export async function measureSpeed(
  servers: readonly BenchServer[],
  options: Options,
  runLoad: RunLoad,
): Promise<SpeedRow[]> {
  const measurements = planMeasurements(servers, options);
  for (const measurement of measurements.filter(({ streams }) => streams === STREAMS[0])) {
    await measure(measurement, runLoad, FIRST_WARM_UP_SECONDS, WARM_UP_SECONDS);
  }
  for (let round = 1; round <= options.rounds; round++) {
    for (const [index, measurement] of measurements.entries()) {
      const result = await measure(measurement, runLoad, WARM_UP_SECONDS, options.seconds);
      measurement.results.push(result);
      const progress = `round ${round}/${options.rounds}, ${index + 1}/${measurements.length}`;
      const rate = Math.round((result.ok + result.overLimit) / result.seconds);
      process.stderr.write(`bench: ${progress}: ${describeMeasurement(measurement)}: ${rate}/s\n`);
    }
  }
  return measurements.map((measurement) => createRow(measurement, findEcho(measurement, measurements)));
}

/** Orders the measurements so that those of one case follow each other. */
function planMeasurements(servers: readonly BenchServer[], { quick }: Options): Measurement[] {
  const caseNames = [...new Set(servers.flatMap(({ cases }) => cases.map(nameCase)))];
  return STREAMS.flatMap((streams) =>
    caseNames.flatMap((caseName) =>
      servers.flatMap((server) =>
        server.cases
          .filter((benchCase) => nameCase(benchCase) === caseName && (!quick || caseName === '1000'))
          .map((benchCase) => ({ server, benchCase, streams, results: [], errors: 0 })),
      ),
    ),
  );
}

function nameCase({ keys, limits }: BenchCase): string {
  return limits === 'one' ? String(keys) : `${keys} ${limits}`;
}

function describeMeasurement({ server, benchCase, streams }: Measurement): string {
  return `${server.name}, ${nameCase(benchCase)} keys, ${streams} streams`;
}

/**
 * Runs one measurement. If its server tolerates errors, a measurement with too many is reported and repeated: other
 * load on the machine must not void the whole run.
 */
async function measure(
  measurement: Measurement,
  runLoad: RunLoad,
  warmUpSeconds: number,
  seconds: number,
): Promise<LoadResult> {
  const { server, benchCase, streams } = measurement;
  const { port, processes, toleratedErrors } = server;
  const description = describeMeasurement(measurement);
  const report = (count: number, calls: string) =>
    count > 0 && process.stderr.write(`bench: ${description}: ${count} ${calls} got no verdict\n`);
  const load = { requests: benchCase.requests, connections: CONNECTIONS, streams, calls: UNLIMITED_CALLS };
  let lastError = '';
  const attempts = toleratedErrors > 0 ? MAX_ATTEMPTS : 1;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const result = await runLoad({ port, processes, warmUpSeconds, seconds, ...load }).catch((fault: Error) => {
      throw new Error(`${description}: ${fault.message}`);
    });
    report(result.warmUpErrors, 'calls of the warm-up');
    report(result.errors, 'calls');
    measurement.errors += result.errors;
    if (result.errors <= toleratedErrors * (result.ok + result.overLimit)) return result;
    lastError = result.lastError;
  }
  throw new Error(`${description}: too many calls got no verdict; the last response: ${lastError}`);
}

/** Finds the measurement of the yardstick with as many keys and streams. */
function findEcho({ benchCase, streams }: Measurement, measurements: readonly Measurement[]): Measurement {
  const echo = measurements.find(
    (other) => other.server.name === ECHO && other.streams === streams && other.benchCase.keys === benchCase.keys,
  );
  if (echo === undefined) throw new Error(`${ECHO}: must be measured with ${benchCase.keys} keys`);
  return echo;
}

function createRow(measurement: Measurement, echo: Measurement): SpeedRow {
  const { server, benchCase, streams, results } = measurement;
  const medianOf = (read: (result: LoadResult) => number) => computeMedian(results.map(read));
  const medianRatioToEcho = (read: (result: LoadResult) => number) =>
    computeMedian(results.map((result, round) => read(result) / read(elementAt(echo.results, round))));
  const overLimit = medianOf((result) => result.overLimit / (result.ok + result.overLimit));
  const expectedShare = REJECTED_CASES.includes(benchCase.limits) ? overLimit : 1 - overLimit;
  if (expectedShare < MIN_EXPECTED_SHARE) {
    const percent = (overLimit * 100).toFixed(1);
    throw new Error(`${describeMeasurement(measurement)}: ${percent}% were rejected`);
  }
  return {
    server: server.name,
    keys: benchCase.keys,
    limits: benchCase.limits,
    streams,
    decisionsPerSecond: medianOf((result) => (result.ok + result.overLimit) / result.seconds),
    p50: medianOf(({ p50 }) => p50),
    p99: medianOf(({ p99 }) => p99),
    p999: medianOf(({ p999 }) => p999),
    serverCpu: nullIfNaN(medianOf(({ serverCpu }) => serverCpu ?? Number.NaN)),
    redisCpu: nullIfNaN(medianOf(({ redisCpu }) => redisCpu ?? Number.NaN)),
    generatorCpu: medianOf(({ generatorCpu }) => generatorCpu),
    cpuOfEcho: nullIfNaN(medianRatioToEcho(({ serverCpu, redisCpu }) => (serverCpu ?? Number.NaN) + (redisCpu ?? 0))),
    p99OfEcho: medianRatioToEcho(({ p99 }) => p99),
    overLimit,
    errors: measurement.errors,
  };
}

function nullIfNaN(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
