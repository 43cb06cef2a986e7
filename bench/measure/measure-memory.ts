import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { Flag, FrameType, frame, PREFACE } from '../load/http2-frames.ts';
import type { LoadQuestions } from '../load/load-job.ts';
import { createRequestTable, firstCall } from '../load/request-table.ts';
import type { Drive } from '../load/start-generator.ts';
import { megabytesInUse } from '../processes/heap-inspector.ts';
import { residentKilobytes } from '../processes/process-usage.ts';
import type { BenchServer } from '../servers/start-servers.ts';
import { CONNECTIONS } from './measure-speed.ts';

export interface MemoryRow {
  readonly server: string;
  readonly kilobytesPerConnection: number;
  /** Resident, after each tenth of the decisions. */
  readonly megabytes: readonly number[];
  /** Likewise, in use without garbage; null where nobody could tell. */
  readonly megabytesInUse: readonly (number | null)[];
  readonly millions: number;
}

const IDLE_CONNECTIONS = 1000;
const STEPS = 10;
const STREAMS = 50;
/** Longer than any step takes: it is the count that ends it. */
const MOST_SECONDS = 600;
/** So that what the first connections bring in (code, shared buffers) is not counted. */
const WARM_UP_CONNECTIONS = 100;
/** Until the server has done what a change of connections brings with it. */
const SETTLE_MILLISECONDS = 2000;

/** Memory of each server: what an idle connection costs, and whether decisions leave anything behind. */
export async function measureMemory(servers: readonly BenchServer[], millions: number, drive: Drive) {
  const rows: MemoryRow[] = [];
  for (const server of servers) {
    const kilobytesPerConnection = await costOfConnection(server);
    const megabytes: number[] = [];
    const inUse: (number | null)[] = [];
    for (let step = 1; step <= STEPS; step++) {
      await load(server, drive, (millions * 1_000_000) / STEPS);
      inUse.push(await settledMegabytes(server));
      megabytes.push(residentMegabytes(server));
      process.stderr.write(`bench: ${server.name}, step ${step}/${STEPS}: ${megabytes.at(-1)?.toFixed(1)} MB\n`);
    }
    rows.push({ server: server.name, kilobytesPerConnection, megabytes, megabytesInUse: inUse, millions });
  }
  return rows;
}

async function load({ port, processes, ...server }: BenchServer, drive: Drive, calls: number): Promise<void> {
  const questions = questionsOf(server);
  const seconds = MOST_SECONDS;
  await drive({
    port,
    questions,
    connections: CONNECTIONS,
    streams: STREAMS,
    warmUpSeconds: 0,
    seconds,
    calls,
    processes,
  });
}

function questionsOf({ name, cases }: Pick<BenchServer, 'name' | 'cases'>): LoadQuestions {
  const asked = cases.find(({ keys, limits }) => keys === 1000 && limits === 'one');
  if (asked === undefined) throw new Error(`${name} is not asked with 1,000 keys`);
  return asked.questions;
}

/** Before any load: a heap that load has widened has room for connections that resident memory does not show. */
async function costOfConnection(server: BenchServer): Promise<number> {
  const call = firstCall(createRequestTable(questionsOf(server)));
  const open = (count: number) => Promise.all(Array.from({ length: count }, () => openIdle(server.port, call)));
  const sockets = await open(WARM_UP_CONNECTIONS);
  await after(SETTLE_MILLISECONDS);
  await settledMegabytes(server);
  const before = residentMegabytes(server);
  sockets.push(...(await open(IDLE_CONNECTIONS)));
  await after(SETTLE_MILLISECONDS);
  await settledMegabytes(server);
  const cost = ((residentMegabytes(server) - before) * 1024) / IDLE_CONNECTIONS;
  for (const socket of sockets) socket.destroy();
  await after(SETTLE_MILLISECONDS);
  return cost;
}

/** A connection that has carried one call, as a client's that waits for work. */
async function openIdle(port: number, call: Buffer): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.write(Buffer.concat([PREFACE, frame(FrameType.SETTINGS, 0, Buffer.alloc(0)), call]));
  await once(socket, 'data');
  socket.write(frame(FrameType.SETTINGS, Flag.ACK, Buffer.alloc(0)));
  socket.resume();
  return socket;
}

/** In use after a full collection; null where nobody can tell. */
async function settledMegabytes({ inspectorPort }: BenchServer): Promise<number | null> {
  return inspectorPort === undefined ? null : await megabytesInUse(inspectorPort);
}

function residentMegabytes({ processes }: BenchServer): number {
  return processes.server.reduce((sum, pid) => sum + residentKilobytes(pid), 0) / 1024;
}
