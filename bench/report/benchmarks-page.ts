import { readFileSync, writeFileSync } from 'node:fs';
import { checkEnvoyTargets, formatEnvoyTable } from '../envoy/envoy-results.ts';
import type { EnvoyRow } from '../envoy/measure-added-latency.ts';
import type { MemoryRow } from '../measure/measure-memory.ts';
import type { SpeedRow } from '../measure/measure-speed.ts';
import { checkMemoryTargets, checkSpeedTargets } from '../measure/targets.ts';
import {
  checkSoakTargets,
  formatSoakTable,
  renderSoakChart,
  type SoakResult,
  type SoakRow,
} from '../soak/soak-results.ts';
import { formatMachine, type Machine } from './machine.ts';
import { formatMemoryTable, formatSpeedTable, formatTargetTable } from './result-tables.ts';
import { renderSpeedChart } from './speed-chart.ts';

/** Content of docs/benchmarks.json: the last full run of each mode. */
export interface Benchmarks {
  readonly envoy?: Run<EnvoyRow> & { readonly rounds: number };
  readonly speed?: Run<SpeedRow> & { readonly rounds: number; readonly seconds: number };
  readonly memory?: Run<MemoryRow>;
  readonly soak?: Run<SoakRow> & SoakResult;
}

interface Run<Row> {
  readonly machine: Machine;
  readonly command: string;
  readonly rows: readonly Row[];
}

const docsFile = (name: string) => new URL(`../../docs/${name}`, import.meta.url);
const JSON_FILE = docsFile('benchmarks.json');

/** Updates docs/benchmarks.json with a run. Then writes docs/benchmarks.md and its charts from all of it. */
export function updateBenchmarksPage(run: Benchmarks): void {
  const benchmarks = { ...readBenchmarks(), ...run };
  writeFileSync(JSON_FILE, `${JSON.stringify(benchmarks, roundNumber, 2)}\n`);
  if (benchmarks.speed !== undefined) {
    writeFileSync(docsFile('benchmarks.svg'), renderSpeedChart(benchmarks.speed.rows));
  }
  if (benchmarks.soak !== undefined) writeFileSync(docsFile('soak.svg'), renderSoakChart(benchmarks.soak));
  writeFileSync(docsFile('benchmarks.md'), renderBenchmarksPage(benchmarks));
}

function readBenchmarks(): Benchmarks {
  try {
    return JSON.parse(readFileSync(JSON_FILE, 'utf8')) as Benchmarks; // only this file writes it
  } catch {
    return {};
  }
}

/** Rounds what was measured, but no counts: a soak reports each call. */
function roundNumber(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
}

export function renderBenchmarksPage({ envoy, speed, memory, soak }: Benchmarks): string {
  const paragraphs = [INTRODUCTION];
  if (envoy !== undefined) paragraphs.push(...renderEnvoySection(envoy));
  if (speed !== undefined) {
    const { machine, command, rounds, seconds, rows } = speed;
    paragraphs.push(
      '## Speed',
      `\`${command}\` on ${formatMachine(machine)}.`,
      `Each figure is the median of ${rounds} rounds of ${seconds} s. In each round the servers take turns.`,
      '![CPU time per decision](benchmarks.svg)',
      formatSpeedTable(rows),
      SPEED_COLUMNS,
      formatTargetTable(checkSpeedTargets(rows)),
    );
  }
  if (memory !== undefined) {
    const { machine, command, rows } = memory;
    paragraphs.push(
      '## Memory',
      `\`${command}\` on ${formatMachine(machine)}.`,
      formatMemoryTable(rows),
      MEMORY_COLUMNS,
      formatTargetTable(checkMemoryTargets(rows)),
    );
  }
  if (soak !== undefined) {
    paragraphs.push(
      '## Soak',
      `\`${soak.command}\` on ${formatMachine(soak.machine)}.`,
      `${soak.callsPerSecond} calls a second for 15 minutes. ${SOAK_COLUMNS}`,
      '![Resident memory of the soak](soak.svg)',
      formatSoakTable(soak),
      formatTargetTable(checkSoakTargets(soak)),
    );
  }
  return `${[...paragraphs, NOTES].join('\n\n')}\n`;
}

function renderEnvoySection({ machine, command, rounds, rows }: NonNullable<Benchmarks['envoy']>): readonly string[] {
  const targets = checkEnvoyTargets(rows);
  return [
    '## At a real Envoy',
    `\`${command}\` on ${formatMachine(machine)}.`,
    `Each figure is the median of ${rounds} rounds. In each round the listeners take turns.`,
    ENVOY_COLUMNS,
    formatEnvoyTable(rows),
    ...(targets.length > 0 ? [formatTargetTable(targets)] : []),
  ];
}

const INTRODUCTION = `# Benchmarks

\`npm run bench\` writes this page. It builds the release, starts every server as a process of its own, and measures all
of them in one run on one machine. Figures from different machines or different days cannot be compared directly.
Compare the ratios to *grpc-js echo*, a plain @grpc/grpc-js server that responds to ShouldRateLimit with a constant.

- *floor* is a C program (bench/servers/floor.c) that waits, reads and writes a constant response. It checks nothing.
  Its cost is the work of the kernel, so no server can cost less. It is left out on machines without a C compiler.
- *engine* is Weir's HTTP/2 and gRPC alone. It responds with the same constant.
- *RLS, memory* and *RLS, Redis* are \`weir serve\` with metrics on, and with one rule and one limit (\`sliding_window\`)
  for each key. In *refused*, the limit rejects nearly everything. In *three*, each key has three limits. In *leased*,
  the node may lease slices of the limit (\`lease: true\`).
- *Check, API key* is \`weir serve\` that authorizes by API key and charges the plan of the key, in memory. *Check, JWT*
  does so by JWTs that it has verified before. *Check, 1,000,000 keys* has that many API keys in its catalog; the load
  uses as many of them as it does of *Check, API key*. In *unknown*, the catalog does not have the keys. In *garbage*,
  the checksums of the keys are wrong.

The generator (bench/load/) keeps 4 connections × 50 or × 1 calls outstanding, takes the keys in turn, and checks every
verdict. A single call without a verdict voids the run, except with Redis (see *errors* below). The generator runs on
the same cores as the servers. If it uses nearly a whole core, it limits decisions/s as well; the CPU columns are not
affected. \`--ghz\` generates load with ghz instead. \`--peer NAME=127.0.0.1:PORT,PID\` also measures another RLS server.`;

const ENVOY_COLUMNS = `\
Requests arrive at random (Poisson), and 1,000 tenants take turns. A latency counts from the time at which its request was
due, so a server that stalls cannot slow the load down. *adds* is what the filters add to the latency of the listener
without filters, in ms. *rate limit* asks ShouldRateLimit for the tenant. *one leased limit* does so for one limit that all
tenants share, and the node may lease slices of it (\`lease: true\`). *ext_authz* authorizes the API key and charges its
plan in one call, *both* does so in two calls, as /both in envoy/envoy.yaml. Weir and envoyproxy/ratelimit have a Redis each.
*floor* is the C program below, which responds with a constant: what it adds is the cost of the filter in Envoy and of the
sockets, and no server can add less. The upstream is another listener of the same Envoy, and all of them share the cores
with the generator.`;

const SPEED_COLUMNS = `\
CPU is user and system time of all threads from /proc, in µs per decision. *Redis* is the process of Redis, *load* that
of the generator. *echo ÷ CPU* says how many times less CPU the server and Redis together use than the echo of the same
round. *errors* are calls of all rounds without a verdict. Weir waits at most 15 ms for Redis. If one of three processes
on two cores does not run for that long, Weir responds with UNAVAILABLE.`;

const SOAK_COLUMNS = `\
Half of them are Check with 1,000 API keys, half ShouldRateLimit with 1,000 values, on one node with a real Redis and a
real Postgres. The generator does not wait for answers, and a latency counts from the time at which its call was due.
Memory is that of both processes of the node: the highest resident memory of each minute, and V8's heap and the buffers
outside of it after a forced collection at minutes 5, 10 and 15.`;

const MEMORY_COLUMNS = `\
The cost of a connection is resident memory, without the buffers of the kernel, for 1,000 connections that have carried
one call each. *In use* is V8's heap and the buffers outside of it after a full collection. *Resident* is the whole
process. It includes memory that V8 and malloc needed once, for instance to compile hot code, and have kept since.`;

const NOTES = `\
## Notes

*A call of Redis that carries one decision.* A profile of the store alone (8 connections with one call each, a busy
machine), of the CPU time of Weir's process: 30% is the write to the socket, 27% is Weir's own work, 10% is ioredis, and the
rest is Node's streams, timers and garbage. Of Weir's work, the connection (deadline, circuit breaker, encoding) is 9%,
building the batch and reading its reply 8%, and the records for a failover 7%. So a client of our own in place of ioredis
would save at most a tenth. ioredis starts a timeout of its socket with each call, which is 3%.

*A decision at a few requests per second.* At a real Envoy and 1,500 requests/s, the process that decides takes about
180 µs of CPU time for each decision, 147 of them outside the kernel. With 4 × 1 calls as fast as it can, it takes 67 (RLS, Redis,
above). A profile with perf at 1,500 requests/s has no hot spot: 33% is native code of Node and V8, 22% are
V8's builtins, 16% is the kernel, 27% is JavaScript, and no function is above 3%. So the same code runs slower, probably
because the other processes on the two cores have emptied the caches in between; the machine has no counters that would
prove it. Collections of garbage are not the cause: 2 to 4 ms each 2 s.`;
