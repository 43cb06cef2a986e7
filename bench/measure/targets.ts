import {
  CHECK_API_KEY,
  CHECK_MILLION_KEYS,
  CHECK_TOKEN,
  ENGINE,
  RLS_IN_MEMORY,
  RLS_WITH_REDIS,
} from '../servers/bench-server.ts';
import type { FloodRow } from './measure-flood.ts';
import type { MemoryRow } from './measure-memory.ts';
import type { SpeedRow } from './measure-speed.ts';

/** A target and whether the measurement met it. Figures without a target are reported only. */
export interface TargetResult {
  readonly target: string;
  readonly measured: string;
  readonly isMet: boolean;
}

/** How many times less CPU than the grpc-js echo of the same round a server must use per decision, with 1,000 keys. */
const MIN_CPU_SAVINGS: readonly { readonly server: string; readonly streams: number; readonly minRatio: number }[] = [
  { server: ENGINE, streams: 50, minRatio: 18 },
  { server: RLS_IN_MEMORY, streams: 50, minRatio: 12 },
  { server: RLS_WITH_REDIS, streams: 50, minRatio: 5 },
  { server: CHECK_API_KEY, streams: 50, minRatio: 7 },
  { server: RLS_IN_MEMORY, streams: 1, minRatio: 6 },
  { server: RLS_WITH_REDIS, streams: 1, minRatio: 1.6 },
];

type CaseSelector = Pick<SpeedRow, 'server' | 'keys' | 'limits'>;

/** Two cases. The CPU of the first per decision must be at most `maxRatio` times that of the second. */
interface Comparison {
  readonly label: string;
  readonly measured: CaseSelector;
  readonly baseline: CaseSelector;
  readonly maxRatio: number;
}

const COMPARISONS: readonly Comparison[] = [
  {
    label: `${RLS_WITH_REDIS}, three limits compared with one`,
    measured: { server: RLS_WITH_REDIS, keys: 1000, limits: 'three' },
    baseline: { server: RLS_WITH_REDIS, keys: 1000, limits: 'one' },
    maxRatio: 1.5,
  },
  {
    label: `${RLS_WITH_REDIS}, refused, compared with ${RLS_IN_MEMORY}, refused`,
    measured: { server: RLS_WITH_REDIS, keys: 1000, limits: 'refused' },
    baseline: { server: RLS_IN_MEMORY, keys: 1000, limits: 'refused' },
    maxRatio: 1.3,
  },
  {
    label: `${RLS_WITH_REDIS}, one key, leased, compared with ${RLS_IN_MEMORY}, one key`,
    measured: { server: RLS_WITH_REDIS, keys: 1, limits: 'leased' },
    baseline: { server: RLS_IN_MEMORY, keys: 1, limits: 'one' },
    maxRatio: 1.3,
  },
  {
    label: `${CHECK_TOKEN}, verified before, compared with ${CHECK_API_KEY}`,
    measured: { server: CHECK_TOKEN, keys: 1000, limits: 'one' },
    baseline: { server: CHECK_API_KEY, keys: 1000, limits: 'one' },
    maxRatio: 1.3,
  },
  {
    label: `${CHECK_MILLION_KEYS}, compared with ${CHECK_API_KEY}`,
    measured: { server: CHECK_MILLION_KEYS, keys: 1000, limits: 'one' },
    baseline: { server: CHECK_API_KEY, keys: 1000, limits: 'one' },
    maxRatio: 1.3,
  },
  {
    label: `${CHECK_MILLION_KEYS}, an unknown key compared with a valid one`,
    measured: { server: CHECK_MILLION_KEYS, keys: 1000, limits: 'unknown' },
    baseline: { server: CHECK_MILLION_KEYS, keys: 1000, limits: 'one' },
    maxRatio: 1,
  },
  {
    label: `${CHECK_MILLION_KEYS}, a key with a wrong checksum compared with a valid one`,
    measured: { server: CHECK_MILLION_KEYS, keys: 1000, limits: 'garbage' },
    baseline: { server: CHECK_MILLION_KEYS, keys: 1000, limits: 'one' },
    maxRatio: 1,
  },
];

const MAX_KB_PER_CONNECTION = 20;
/** Growth in MB between the first step and the last that is not a leak: work that happens to be in progress. */
const MAX_HEAP_NOISE_MB = 2;
/** Share of the RLS rate per CPU second that must remain during a flood. */
const MIN_SHARE_IN_FLOOD = 0.8;

/** Compares the results with the targets. Leaves out targets whose cases were not measured. */
export function checkSpeedTargets(rows: readonly SpeedRow[]): TargetResult[] {
  const find = (server: string, streams: number) => findRow(rows, { server, keys: 1000, limits: 'one' }, streams);
  const savings = MIN_CPU_SAVINGS.flatMap(({ server, streams, minRatio }) => {
    const ratio = find(server, streams)?.cpuOfEcho;
    if (ratio === undefined || ratio === null) return [];
    const target = `${server}, 4 × ${streams}: CPU at most 1/${minRatio} of the echo's`;
    return [{ target, measured: `1/${(1 / ratio).toFixed(1)}`, isMet: ratio <= 1 / minRatio }];
  });
  const tail = find(RLS_WITH_REDIS, 1)?.p99OfEcho;
  if (tail !== undefined) {
    const target = `${RLS_WITH_REDIS}, 4 × 1: p99 no higher than the echo's`;
    savings.push({ target, measured: `${tail.toFixed(2)} of it`, isMet: tail <= 1 });
  }
  return [...savings, ...COMPARISONS.flatMap((comparison) => checkComparison(comparison, rows))];
}

function checkComparison(
  { label, measured, baseline, maxRatio }: Comparison,
  rows: readonly SpeedRow[],
): TargetResult[] {
  const [cpu, baselineCpu] = [findCpuPerDecision(rows, measured), findCpuPerDecision(rows, baseline)];
  if (cpu === undefined || baselineCpu === undefined) return [];
  const ratio = cpu / baselineCpu;
  const target = `${label}: CPU at most ${maxRatio} ×`;
  return [{ target, measured: `${ratio.toFixed(2)} ×`, isMet: ratio <= maxRatio }];
}

/** CPU time of server and Redis together at 4 × 50, in µs per decision. undefined: not measured. */
function findCpuPerDecision(rows: readonly SpeedRow[], selector: CaseSelector): number | undefined {
  const row = findRow(rows, selector, 50);
  return row === undefined || row.serverCpu === null ? undefined : row.serverCpu + (row.redisCpu ?? 0);
}

function findRow(
  rows: readonly SpeedRow[],
  { server, keys, limits }: CaseSelector,
  streams: number,
): SpeedRow | undefined {
  return rows.find(
    (row) => row.server === server && row.keys === keys && row.limits === limits && row.streams === streams,
  );
}

export function checkMemoryTargets(rows: readonly MemoryRow[]): TargetResult[] {
  return rows.flatMap(({ server, kilobytesPerConnection, megabytesInUse, millions }) => {
    const connection = {
      target: `${server}: at most ${MAX_KB_PER_CONNECTION} KB per idle connection`,
      measured: `${kilobytesPerConnection.toFixed(1)} KB`,
      isMet: kilobytesPerConnection <= MAX_KB_PER_CONNECTION,
    };
    const growth = (megabytesInUse.at(-1) ?? Number.NaN) - (megabytesInUse[0] ?? Number.NaN);
    if (Number.isNaN(growth)) return [connection];
    const target = `${server}: no growth over ${millions} million decisions (within ${MAX_HEAP_NOISE_MB} MB)`;
    return [connection, { target, measured: `${growth.toFixed(1)} MB`, isMet: growth <= MAX_HEAP_NOISE_MB }];
  });
}

export function checkFloodTargets(rows: readonly FloodRow[]): TargetResult[] {
  const percent = `${MIN_SHARE_IN_FLOOD * 100} %`;
  return rows.map(({ outstanding, cpuRatio }) => ({
    target: `RLS during a flood of ${outstanding} forged JWTs at a time: at least ${percent} of its rate per CPU second`,
    measured: `${(cpuRatio * 100).toFixed(0)} %`,
    isMet: cpuRatio >= MIN_SHARE_IN_FLOOD,
  }));
}
