import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import type { Drive } from './generator.ts';
import { Flag, FrameType, frame, PREFACE } from './http2-frames.ts';
import { CONNECTIONS } from './measure.ts';
import { residentKilobytes } from './process-usage.ts';
import type { BenchServer } from './servers.ts';

export interface MemoryRow {
  readonly server: string;
  readonly kilobytesPerConnection: number;
  /** Resident, after the warm-up and after each tenth of the decisions. */
  readonly megabytes: readonly number[];
  readonly millions: number;
}

const IDLE_CONNECTIONS = 1000;
const STEPS = 10;
const STREAMS = 50;
/** Longer than any step takes: it is the count that ends it. */
const MOST_SECONDS = 600;
const WARM_UP_SECONDS = 10;
/** Until the server has collected what the load left behind. */
const SETTLE_MILLISECONDS = 2000;

/** Resident memory of each server: what an idle connection costs, and whether decisions leave anything behind. */
export async function measureMemory(servers: readonly BenchServer[], millions: number, drive: Drive) {
  const rows: MemoryRow[] = [];
  for (const server of servers) {
    const load = (warmUpSeconds: number, calls: number) => driveServer(server, drive, warmUpSeconds, calls);
    await load(WARM_UP_SECONDS, 1);
    const kilobytesPerConnection = await costOfConnection(server);
    await load(0, (millions * 1_000_000) / STEPS);
    const megabytes = [residentMegabytes(server)];
    for (let step = 1; step < STEPS; step++) {
      await load(0, (millions * 1_000_000) / STEPS);
      megabytes.push(residentMegabytes(server));
      process.stderr.write(`bench: ${server.name}, step ${step + 1}/${STEPS}: ${megabytes.at(-1)?.toFixed(1)} MB\n`);
    }
    rows.push({ server: server.name, kilobytesPerConnection, megabytes, millions });
  }
  return rows;
}

async function driveServer(server: BenchServer, drive: Drive, warmUpSeconds: number, calls: number): Promise<void> {
  const { port, processes, cases } = server;
  const asked = cases.find(({ keys, refused }) => keys === 1000 && !refused);
  if (asked === undefined) throw new Error(`${server.name} is not asked with 1,000 keys`);
  const { questions } = asked;
  const seconds = MOST_SECONDS;
  await drive({
    port,
    questions,
    connections: CONNECTIONS,
    streams: STREAMS,
    warmUpSeconds,
    seconds,
    calls,
    processes,
  });
}

async function costOfConnection(server: BenchServer): Promise<number> {
  await after(SETTLE_MILLISECONDS);
  const before = residentMegabytes(server);
  const sockets = await Promise.all(Array.from({ length: IDLE_CONNECTIONS }, () => openIdle(server.port)));
  await after(SETTLE_MILLISECONDS);
  const cost = ((residentMegabytes(server) - before) * 1024) / IDLE_CONNECTIONS;
  for (const socket of sockets) socket.destroy();
  await after(SETTLE_MILLISECONDS);
  return cost;
}

/** An HTTP/2 connection after the exchange of settings, as a client's that waits for work. */
async function openIdle(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.write(Buffer.concat([PREFACE, frame(FrameType.SETTINGS, 0, Buffer.alloc(0))]));
  await once(socket, 'data');
  socket.write(frame(FrameType.SETTINGS, Flag.ACK, Buffer.alloc(0)));
  socket.resume();
  return socket;
}

function residentMegabytes({ processes }: BenchServer): number {
  return processes.server.reduce((sum, pid) => sum + residentKilobytes(pid), 0) / 1024;
}
