import type { LoadResult } from '../load/load-job.ts';
import type { Drive } from '../load/start-generator.ts';
import type { Options } from '../options.ts';
import { type BenchServer, type Case, ECHO, type Limits } from '../servers/start-servers.ts';

/** The medians of all rounds of one server, case and number of streams. */
export interface Row {
  readonly server: string;
  readonly keys: number;
  readonly limits: Limits;
  /** Per connection. */
  readonly streams: number;
  readonly decisionsPerSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** CPU µs per decision; null where nobody could tell. */
  readonly serverCpu: number | null;
  readonly redisCpu: number | null;
  readonly generatorCpu: number;
  /** Server and Redis against the yardstick of the same round; null as above. */
  readonly cpuOfEcho: number | null;
  readonly p99OfEcho: number;
  /** Share of OVER_LIMIT, 401 and 429 among the verdicts. */
  readonly overLimit: number;
  /** Calls of all rounds together that got no verdict, void measurements included. */
  readonly errors: number;
}

export const CONNECTIONS = 4;
export const STREAMS = [50, 1] as const;
const WARM_UP_SECONDS = 0.3;
/** Before the first round: until V8 has compiled what is hot. */
const FIRST_WARM_UP_SECONDS = 2;
const ATTEMPTS = 4;
const MOST_CALLS = 50_000_000;
/** What counts as "nearly all" granted or refused. */
const NEARLY_ALL = 0.95;
const REFUSED: readonly Limits[] = ['refused', 'unknown', 'garbage'];

interface Cell {
  readonly server: BenchServer;
  readonly asked: Case;
  readonly streams: number;
  readonly results: LoadResult[];
  errors: number;
}

/** Measures every server in every case. Within a round the servers take turns, so that noise hits all alike. */
export async function measure(servers: readonly BenchServer[], options: Options, drive: Drive): Promise<Row[]> {
  const cells = cellsOf(servers, options);
  for (const cell of cells.filter(({ streams }) => streams === STREAMS[0])) {
    await driveCell(cell, drive, FIRST_WARM_UP_SECONDS, WARM_UP_SECONDS);
  }
  for (let round = 1; round <= options.rounds; round++) {
    for (const [index, cell] of cells.entries()) {
      const { server, asked, streams } = cell;
      const result = await driveCell(cell, drive, WARM_UP_SECONDS, options.seconds);
      cell.results.push(result);
      const place = `round ${round}/${options.rounds}, ${index + 1}/${cells.length}`;
      const rate = Math.round((result.ok + result.overLimit) / result.seconds);
      process.stderr.write(`bench: ${place}: ${server.name}, ${asked.keys} keys, ${streams} streams: ${rate}/s\n`);
    }
  }
  return cells.map((cell) => rowOf(cell, echoOf(cell, cells)));
}

function cellsOf(servers: readonly BenchServer[], { quick }: Options): Cell[] {
  const kinds = [...new Set(servers.flatMap(({ cases }) => cases.map(kindOf)))];
  return STREAMS.flatMap((streams) =>
    kinds.flatMap((kind) =>
      servers.flatMap((server) =>
        server.cases
          .filter((asked) => kindOf(asked) === kind && (!quick || kind === '1000'))
          .map((asked) => ({ server, asked, streams, results: [], errors: 0 })),
      ),
    ),
  );
}

function kindOf({ keys, limits }: Case): string {
  return limits === 'one' ? String(keys) : `${keys} ${limits}`;
}

/**
 * Where errors are tolerated, a measurement with too many is told and repeated: what else runs on the machine must not
 * cost the whole run.
 */
async function driveCell(cell: Cell, drive: Drive, warmUpSeconds: number, seconds: number): Promise<LoadResult> {
  const { server, asked, streams } = cell;
  const { port, processes } = server;
  const place = `${server.name}, ${kindOf(asked)} keys, ${streams} streams`;
  const tell = (count: number, what: string) =>
    count > 0 && process.stderr.write(`bench: ${place}: ${count} ${what} got no verdict\n`);
  const load = { questions: asked.questions, connections: CONNECTIONS, streams, calls: MOST_CALLS };
  let lastError = '';
  const attempts = server.toleratedErrors > 0 ? ATTEMPTS : 1;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const result = await drive({ port, processes, warmUpSeconds, seconds, ...load }).catch((fault: Error) => {
      throw new Error(`${place}: ${fault.message}`);
    });
    tell(result.warmUpErrors, 'calls of the warm-up');
    tell(result.errors, 'calls');
    cell.errors += result.errors;
    if (result.errors <= server.toleratedErrors * (result.ok + result.overLimit)) return result;
    lastError = result.lastError;
  }
  throw new Error(`${place}: too many calls got no verdict, the last one:${lastError}`);
}

function echoOf({ asked, streams }: Cell, cells: readonly Cell[]): Cell {
  const echo = cells.find(
    (cell) => cell.server.name === ECHO && cell.streams === streams && cell.asked.keys === asked.keys,
  );
  if (echo === undefined) throw new Error(`no yardstick for ${asked.keys} keys`);
  return echo;
}

function rowOf(cell: Cell, echo: Cell): Row {
  const { server, asked, streams, results } = cell;
  const of = (value: (result: LoadResult) => number) => median(results.map(value));
  const against = (value: (result: LoadResult) => number) =>
    median(results.map((result, round) => value(result) / value(echo.results[round] ?? result)));
  const overLimit = of((result) => result.overLimit / (result.ok + result.overLimit));
  if ((REFUSED.includes(asked.limits) ? overLimit : 1 - overLimit) < NEARLY_ALL) {
    throw new Error(`${server.name}, ${kindOf(asked)} keys: ${(overLimit * 100).toFixed(1)}% were refused`);
  }
  return {
    server: server.name,
    keys: asked.keys,
    limits: asked.limits,
    streams,
    decisionsPerSecond: of((result) => (result.ok + result.overLimit) / result.seconds),
    p50: of(({ p50 }) => p50),
    p99: of(({ p99 }) => p99),
    p999: of(({ p999 }) => p999),
    serverCpu: orNull(of(({ serverCpu }) => serverCpu ?? Number.NaN)),
    redisCpu: orNull(of(({ redisCpu }) => redisCpu ?? Number.NaN)),
    generatorCpu: of(({ generatorCpu }) => generatorCpu),
    cpuOfEcho: orNull(against(({ serverCpu, redisCpu }) => (serverCpu ?? Number.NaN) + (redisCpu ?? 0))),
    p99OfEcho: against(({ p99 }) => p99),
    overLimit,
    errors: cell.errors,
  };
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}
