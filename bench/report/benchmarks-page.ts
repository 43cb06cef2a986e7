import { readFileSync, writeFileSync } from 'node:fs';
import type { MemoryRow } from '../measure/measure-memory.ts';
import type { Row } from '../measure/measure-speed.ts';
import { judgeMemory, judgeSpeed } from '../measure/targets.ts';
import type { Machine } from './machine.ts';
import { speedPlot } from './speed-chart.ts';
import { judgementTable, memoryTable, speedTable } from './tables.ts';

interface Part<T> {
  readonly machine: Machine;
  readonly command: string;
  readonly rows: readonly T[];
}

/** docs/benchmarks.json: the last full run of each mode. */
export interface Report {
  readonly speed?: Part<Row> & { readonly rounds: number; readonly seconds: number };
  readonly memory?: Part<MemoryRow>;
}

const at = (name: string) => new URL(`../../docs/${name}`, import.meta.url);
const JSON_FILE = at('benchmarks.json');

/** Puts the part into docs/benchmarks.json and writes docs/benchmarks.md and docs/benchmarks.svg from all of it. */
export function writeReport(part: Report): void {
  const report = { ...readReport(), ...part };
  writeFileSync(JSON_FILE, `${JSON.stringify(report, rounded, 2)}\n`);
  if (report.speed !== undefined) writeFileSync(at('benchmarks.svg'), speedPlot(report.speed.rows));
  writeFileSync(at('benchmarks.md'), markdown(report));
}

function readReport(): Report {
  try {
    return JSON.parse(readFileSync(JSON_FILE, 'utf8')) as Report; // written by this file alone
  } catch {
    return {};
  }
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(4)) : value;
}

function markdown({ speed, memory }: Report): string {
  const parts = [INTRODUCTION];
  if (speed !== undefined) {
    const { machine, command, rounds, seconds, rows } = speed;
    const how = `Medians of ${rounds} rounds of ${seconds} s for each measurement; in each round the servers take turns.`;
    parts.push('## Speed', `\`${command}\` on ${machineLine(machine)}. ${how}`);
    parts.push('![CPU time per decision](benchmarks.svg)', speedTable(rows), COLUMNS, judgementTable(judgeSpeed(rows)));
  }
  if (memory !== undefined) {
    const { machine, command, rows } = memory;
    parts.push('## Memory', `\`${command}\` on ${machineLine(machine)}.`);
    parts.push(memoryTable(rows), MEMORY_COLUMNS, judgementTable(judgeMemory(rows)));
  }
  return `${parts.join('\n\n')}\n`;
}

export function machineLine({ date, processor, cores, kernel, node, redis }: Machine): string {
  return `${date}: ${processor}, ${cores} cores, ${kernel}, Node ${node}, Redis ${redis}`;
}

const INTRODUCTION = `# Benchmarks

\`npm run bench\` writes this page: it builds the release, starts every server as a process of its own, and measures all of
them in one run on one machine. Figures of different machines, or of different days, say little beside each other: what
carries over is the ratio to *grpc-js echo*, a bare @grpc/grpc-js server that answers ShouldRateLimit with a constant.

- *floor* is a C program (bench/servers/floor.c) that waits, reads, and writes a constant answer, and checks nothing: what it
  takes is the kernel's, and no server can take less. It is left out where there is no C compiler.
- *engine* is Weir's HTTP/2 and gRPC alone, and answers the same constant.
- *RLS, memory* and *RLS, Redis* are \`weir serve\` with its metrics on, one rule and one limit (\`sliding_window\`) for each
  key; *refused* is a limit that refuses nearly all, *three* are three limits for each key,
  *leased* is one that the node may take slices of (\`lease: true\`).
- *Check, API key* is \`weir serve\` that authorizes by API key and charges the key's plan, in memory. *Check, 1,000,000
  keys* has so many in its catalog, of which the same number is asked for; *unknown* are keys that it does not have,
  *garbage* such whose checksum is wrong.

The generator (bench/load/) keeps 4 connections × 50 or × 1 calls outstanding, takes the keys in turn, and checks
every verdict: one call without is a run without figures. It runs on the same cores as the servers, so that where its own
share nears a core, decisions/s tell of both; the CPU columns do not. \`--ghz\` drives with ghz instead, and \`--peer
NAME=127.0.0.1:PORT,PID\` measures another RLS server beside these.`;

const COLUMNS = `CPU is µs per decision, user and system time of all threads from /proc; *Redis* is Redis' own process, *load* the
generator's. *echo ÷ CPU* tells how many times less than the echo of the same round server and Redis spend together. *errors* are calls
of all rounds that got no verdict: whoever waits at most 15 ms for Redis says UNAVAILABLE where one of three processes on
two cores is not let run for that long.`;

const MEMORY_COLUMNS = `A connection's cost is resident memory, the kernel's buffers aside, for 1,000 that have carried one call each. *In use* is
V8's heap and the buffers outside of it after a full collection; *resident* is the whole process beside it, with what V8
and malloc keep at hand once they have needed it, as for compiling what has become hot.`;
