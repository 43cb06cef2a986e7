import { CHECK, CHECK_MILLION, CHECK_TOKEN, ENGINE, MEMORY, REDIS } from '../servers/start-servers.ts';
import type { MemoryRow } from './measure-memory.ts';
import type { Row } from './measure-speed.ts';

/** What a figure must reach; the others of its row are told, not judged. */
export interface Judgement {
  readonly target: string;
  readonly measured: string;
  readonly met: boolean;
}

/** Against the grpc-js echo of the same round: its CPU per decision divided by ours, at 1,000 keys. */
const TIMES_LESS_CPU: readonly { readonly server: string; readonly streams: number; readonly least: number }[] = [
  { server: ENGINE, streams: 50, least: 18 },
  { server: MEMORY, streams: 50, least: 12 },
  { server: REDIS, streams: 50, least: 5 },
  { server: CHECK, streams: 50, least: 7 },
  { server: MEMORY, streams: 1, least: 6 },
  { server: REDIS, streams: 1, least: 1.6 },
];

type Wanted = Pick<Row, 'server' | 'keys' | 'limits'>;

interface Comparison {
  readonly what: string;
  readonly row: Wanted;
  readonly other: Wanted;
  readonly most: number;
}

const COMPARISONS: readonly Comparison[] = [
  {
    what: `${REDIS}, three limits against one`,
    row: { server: REDIS, keys: 1000, limits: 'three' },
    other: { server: REDIS, keys: 1000, limits: 'one' },
    most: 1.5,
  },
  {
    what: `${REDIS}, refused, against ${MEMORY}, refused`,
    row: { server: REDIS, keys: 1000, limits: 'refused' },
    other: { server: MEMORY, keys: 1000, limits: 'refused' },
    most: 1.3,
  },
  {
    what: `${REDIS}, one key, leased, against ${MEMORY}, one key`,
    row: { server: REDIS, keys: 1, limits: 'leased' },
    other: { server: MEMORY, keys: 1, limits: 'one' },
    most: 1.3,
  },
  {
    what: `${CHECK_TOKEN}, seen before, against ${CHECK}`,
    row: { server: CHECK_TOKEN, keys: 1000, limits: 'one' },
    other: { server: CHECK, keys: 1000, limits: 'one' },
    most: 1.3,
  },
  {
    what: `${CHECK_MILLION}, against ${CHECK}`,
    row: { server: CHECK_MILLION, keys: 1000, limits: 'one' },
    other: { server: CHECK, keys: 1000, limits: 'one' },
    most: 1.3,
  },
  {
    what: `${CHECK_MILLION}, an unknown key, against a good one`,
    row: { server: CHECK_MILLION, keys: 1000, limits: 'unknown' },
    other: { server: CHECK_MILLION, keys: 1000, limits: 'one' },
    most: 1,
  },
  {
    what: `${CHECK_MILLION}, a key whose checksum is wrong, against a good one`,
    row: { server: CHECK_MILLION, keys: 1000, limits: 'garbage' },
    other: { server: CHECK_MILLION, keys: 1000, limits: 'one' },
    most: 1,
  },
];

const MOST_KILOBYTES_PER_CONNECTION = 20;
/** Of growth between the first and the last step: what happens to be under way in the moment. */
const HEAP_NOISE_MEGABYTES = 2;

export function judgeSpeed(rows: readonly Row[]): Judgement[] {
  const find = (server: string, streams: number) =>
    rows.find((row) => row.server === server && row.streams === streams && row.keys === 1000 && row.limits === 'one');
  const judgements = TIMES_LESS_CPU.flatMap(({ server, streams, least }) => {
    const ratio = find(server, streams)?.cpuOfEcho;
    if (ratio === undefined || ratio === null) return [];
    const target = `${server}, 4 × ${streams}: CPU at most 1/${least} of the echo's`;
    return [{ target, measured: `1/${(1 / ratio).toFixed(1)}`, met: ratio <= 1 / least }];
  });
  const tail = find(REDIS, 1)?.p99OfEcho;
  if (tail !== undefined) {
    const target = `${REDIS}, 4 × 1: p99 no higher than the echo's`;
    judgements.push({ target, measured: `${tail.toFixed(2)} of it`, met: tail <= 1 });
  }
  return [...judgements, ...COMPARISONS.flatMap((comparison) => judgeComparison(comparison, rows))];
}

function judgeComparison({ what, row, other, most }: Comparison, rows: readonly Row[]): Judgement[] {
  const [cpu, otherCpu] = [row, other].map((wanted) => cpuOf(rows, wanted));
  if (cpu === undefined || otherCpu === undefined) return [];
  const ratio = cpu / otherCpu;
  return [{ target: `${what}: CPU at most ${most} ×`, measured: `${ratio.toFixed(2)} ×`, met: ratio <= most }];
}

/** Of server and Redis together, in µs, at 4 × 50. */
function cpuOf(rows: readonly Row[], { server, keys, limits }: Wanted): number | undefined {
  const is = (row: Row) => row.server === server && row.streams === 50 && row.keys === keys && row.limits === limits;
  const row = rows.find(is);
  return row === undefined || row.serverCpu === null ? undefined : row.serverCpu + (row.redisCpu ?? 0);
}

export function judgeMemory(rows: readonly MemoryRow[]): Judgement[] {
  return rows.flatMap(({ server, kilobytesPerConnection, megabytesInUse, millions }) => {
    const growth = (megabytesInUse.at(-1) ?? Number.NaN) - (megabytesInUse[0] ?? Number.NaN);
    const judgements = [
      {
        target: `${server}: at most ${MOST_KILOBYTES_PER_CONNECTION} KB per idle connection`,
        measured: `${kilobytesPerConnection.toFixed(1)} KB`,
        met: kilobytesPerConnection <= MOST_KILOBYTES_PER_CONNECTION,
      },
    ];
    if (Number.isNaN(growth)) return judgements;
    const target = `${server}: no growth over ${millions} million decisions (within ${HEAP_NOISE_MEGABYTES} MB)`;
    return [...judgements, { target, measured: `${growth.toFixed(1)} MB`, met: growth <= HEAP_NOISE_MEGABYTES }];
  });
}
