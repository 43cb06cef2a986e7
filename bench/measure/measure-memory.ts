import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { CONNECTION_PREFACE, encodeFrame, FrameFlag, FrameType } from '../load/http2-frames.ts';
import type { LoadRequests, RunLoad } from '../load/load-job.ts';
import { createRequestTable, encodeFirstCall } from '../load/request-table.ts';
import { readHeapMb } from '../processes/heap-inspector.ts';
import { readResidentKb } from '../processes/process-usage.ts';
import type { BenchServer } from '../servers/bench-server.ts';
import { CONNECTIONS, STREAMS } from './measure-speed.ts';

/** Memory of one server. Stored in docs/benchmarks.json. */
export interface MemoryRow {
  readonly server: string;
  readonly kilobytesPerConnection: number;
  /** Resident memory in MB, after each tenth of the decisions. */
  readonly megabytes: readonly number[];
  /** MB in use after a garbage collection, likewise; null: not measured. */
  readonly megabytesInUse: readonly (number | null)[];
  /** Decisions, in millions. */
  readonly millions: number;
}

const IDLE_CONNECTIONS = 1000;
const STEPS = 10;
/** Longer than any step takes, so it is the number of calls that ends a step. */
const MAX_STEP_SECONDS = 600;
/** Connections that are not counted. They bring in what all connections share: code and buffers. */
const WARM_UP_CONNECTIONS = 100;
/** Time for the server to finish what a change of connections causes. */
const SETTLE_MS = 2000;

/** Measures what an idle connection costs each server, and whether its memory grows with the decisions. */
export async function measureMemory(
  servers: readonly BenchServer[],
  millions: number,
  runLoad: RunLoad,
): Promise<MemoryRow[]> {
  const rows: MemoryRow[] = [];
  for (const server of servers) {
    const kilobytesPerConnection = await measureConnectionKb(server);
    const megabytes: number[] = [];
    const megabytesInUse: (number | null)[] = [];
    for (let step = 1; step <= STEPS; step++) {
      await decide(server, runLoad, (millions * 1_000_000) / STEPS);
      megabytesInUse.push(await collectGarbage(server));
      const residentMb = readResidentMb(server);
      megabytes.push(residentMb);
      process.stderr.write(`bench: ${server.name}, step ${step}/${STEPS}: ${residentMb.toFixed(1)} MB\n`);
    }
    rows.push({ server: server.name, kilobytesPerConnection, megabytes, megabytesInUse, millions });
  }
  return rows;
}

async function decide(server: BenchServer, runLoad: RunLoad, calls: number): Promise<void> {
  await runLoad({
    port: server.port,
    requests: selectRequests(server),
    connections: CONNECTIONS,
    streams: STREAMS[0],
    warmUpSeconds: 0,
    seconds: MAX_STEP_SECONDS,
    calls,
    processes: server.processes,
  });
}

/** Returns the requests of the case with 1,000 keys, which every server has. */
function selectRequests({ name, cases }: BenchServer): LoadRequests {
  const benchCase = cases.find(({ keys, limits }) => keys === 1000 && limits === 'one');
  if (benchCase === undefined) throw new Error(`${name}: must have a case with 1,000 keys`);
  return benchCase.requests;
}

/**
 * Measures KB of resident memory per idle connection. This must happen before any load: once load has grown the heap,
 * connections fit into it, and resident memory does not show them.
 */
async function measureConnectionKb(server: BenchServer): Promise<number> {
  const call = encodeFirstCall(createRequestTable(selectRequests(server)));
  const open = (count: number) => Promise.all(Array.from({ length: count }, () => openIdle(server.port, call)));
  const sockets = await open(WARM_UP_CONNECTIONS);
  await delay(SETTLE_MS);
  await collectGarbage(server);
  const before = readResidentMb(server);
  sockets.push(...(await open(IDLE_CONNECTIONS)));
  await delay(SETTLE_MS);
  await collectGarbage(server);
  const kilobytes = ((readResidentMb(server) - before) * 1024) / IDLE_CONNECTIONS;
  for (const socket of sockets) socket.destroy();
  await delay(SETTLE_MS);
  return kilobytes;
}

/** Opens a connection and makes one call on it. Then it is idle, like that of a client that waits for work. */
async function openIdle(port: number, call: Buffer): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  const settings = encodeFrame(FrameType.SETTINGS, 0, Buffer.alloc(0));
  socket.write(Buffer.concat([CONNECTION_PREFACE, settings, call]));
  await once(socket, 'data');
  socket.write(encodeFrame(FrameType.SETTINGS, FrameFlag.ACK, Buffer.alloc(0)));
  socket.resume();
  return socket;
}

/** Collects a server's garbage. Returns the MB in use after that; null: its inspector is not open. */
async function collectGarbage({ inspectorPort }: BenchServer): Promise<number | null> {
  return inspectorPort === undefined ? null : await readHeapMb(inspectorPort);
}

function readResidentMb({ processes }: BenchServer): number {
  return processes.server.reduce((sum, pid) => sum + readResidentKb(pid), 0) / 1024;
}
