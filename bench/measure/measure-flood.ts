import { createTokens, forgedTokens } from '../catalog/create-tokens.ts';
import type { LoadJob, LoadResult } from '../load/load-job.ts';
import { startGenerator } from '../load/start-generator.ts';
import type { Options } from '../options.ts';
import type { Children } from '../processes/child-processes.ts';
import { type Surroundings, startWeir } from '../servers/start-weir.ts';
import { CONNECTIONS, median, STREAMS } from './measure-speed.ts';
import type { Judgement } from './targets.ts';

/** What a flood of forged JWTs takes from callers of the rate limit service, by how many forgeries are outstanding. */
export interface FloodRow {
  readonly outstanding: number;
  /** Of RLS callers, without the flood and with it: medians of the rounds. */
  readonly quiet: number;
  readonly flooded: number;
  /** Median of the rounds' ratios. */
  readonly ratio: number;
  /**
   * The same of decisions per second of the server's CPU, the thread that verifies included: what is left where nothing
   * but the server is the limit, and not how the machine shares its cores with others.
   */
  readonly ofCpu: number;
  readonly forgeriesPerSecond: number;
}

/** As many as the server remembers for a while, and more. */
const FORGERIES = 20_000;
const WARM_UP_SECONDS = 0.3;
const MOST_CALLS = 50_000_000;
/** Of the forgeries, in calls outstanding on each of the connections: what finds room to wait, and what does not. */
const FLOODS = [50, 500];
const LEAST_LEFT = 0.8;

/** RLS in memory with a flood and without, in turns: what else runs on the machine hits both alike. */
export async function measureFlood(
  { rounds, seconds }: Options,
  children: Children,
  surroundings: Surroundings,
): Promise<FloodRow[]> {
  const { decisionPort: port, adminPort, pid } = await startWeir(surroundings);
  await createTokens(adminPort, 0);
  const [driveCallers, driveFlood] = [startGenerator(children), startGenerator(children)];
  const processes = { server: [pid], redis: [] };
  const common = { port, processes, connections: CONNECTIONS, warmUpSeconds: WARM_UP_SECONDS, calls: MOST_CALLS };
  const questions = { kind: 'rate_limit', domain: 'bench', key: 'tenant', values: 1000 } as const;
  const callers: LoadJob = { ...common, questions, streams: STREAMS[0], seconds };
  const secrets = forgedTokens(FORGERIES);
  await driveCallers({ ...callers, seconds: 2 });
  const rows: FloodRow[] = [];
  for (const streams of FLOODS) {
    const forgeries = { kind: 'check', credential: 'token', secrets } as const;
    const flood: LoadJob = { ...common, questions: forgeries, streams, seconds: seconds + 1 };
    const measured: { quiet: LoadResult; flooded: LoadResult; forgeries: number }[] = [];
    for (let round = 1; round <= rounds; round++) {
      const quiet = await driveCallers(callers);
      const flooding = driveFlood(flood);
      const flooded = await driveCallers(callers);
      const { errors, ok, seconds: took } = await flooding;
      if (ok > 0) throw new Error(`${ok} forgeries were let in`);
      measured.push({ quiet, flooded, forgeries: errors / took });
      process.stderr.write(
        `bench: flood, round ${round}/${rounds}: ${Math.round(rateOf(quiet))}/s, ${Math.round(rateOf(flooded))}/s\n`,
      );
    }
    rows.push({
      outstanding: streams * CONNECTIONS,
      quiet: median(measured.map((each) => rateOf(each.quiet))),
      flooded: median(measured.map((each) => rateOf(each.flooded))),
      ratio: median(measured.map((each) => rateOf(each.flooded) / rateOf(each.quiet))),
      ofCpu: median(measured.map(({ quiet, flooded }) => (quiet.serverCpu ?? 0) / (flooded.serverCpu ?? 0))),
      forgeriesPerSecond: median(measured.map((each) => each.forgeries)),
    });
  }
  return rows;
}

function rateOf({ ok, overLimit, seconds }: LoadResult): number {
  return (ok + overLimit) / seconds;
}

export function judgeFlood(rows: readonly FloodRow[]): Judgement[] {
  return rows.map(({ outstanding, ofCpu }) => ({
    target: `RLS beside ${outstanding} forged JWTs at a time: at least ${LEAST_LEFT * 100} % of its rate per CPU second`,
    measured: `${(ofCpu * 100).toFixed(0)} %`,
    met: ofCpu >= LEAST_LEFT,
  }));
}
