import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ConnectionDistributor } from '../../src/workers/pool/connection-distributor.ts';
import { WorkerProcess } from '../../src/workers/supervision/worker-process.ts';
import { waitUntil } from '../support/wait-until.ts';

const PROGRAM = new URL('greeting-worker.ts', import.meta.url);
const WORKERS = 4;

let distributor: ConnectionDistributor;
let port: number;
let workers: WorkerProcess[];
/** Connections that workers have reported as closed. */
let closed: number;
const sockets: Socket[] = [];

function startWorker(number: number, onJoin: () => void): WorkerProcess {
  return new WorkerProcess({ url: PROGRAM, takeLine: undefined }, number, (worker, message) => {
    distributor.receive(worker, message);
    if (message.kind === 'joins') onJoin();
    else if (message.kind === 'connections') closed += message.closed;
  });
}

beforeEach(async () => {
  distributor = new ConnectionDistributor({ warn: () => {} });
  port = await distributor.listen({ host: '127.0.0.1', port: 0 });
  let joined = 0;
  closed = 0;
  workers = Array.from({ length: WORKERS }, (_, index) => startWorker(index + 1, () => joined++));
  await waitUntil(() => joined === WORKERS);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  distributor.close();
  for (const worker of workers) worker.kill();
  await Promise.all(workers.map(({ ended }) => ended));
});

interface Opened {
  readonly socket: Socket;
  /** The pid of the worker that has it; NaN: it was closed before one wrote to it. */
  readonly pid: number;
}

async function open(): Promise<Opened> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let text = '';
  socket.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  await Promise.race([once(socket, 'data'), once(socket, 'close')]);
  return { socket, pid: Number(text || 'NaN') };
}

const openMany = (count: number) => Promise.all(Array.from({ length: count }, () => open()));

function countByWorker(opened: readonly Opened[]): readonly number[] {
  return workers.map((worker) => opened.filter(({ pid }) => pid === worker.pid).length);
}

const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);

it('connections that clients open at once are distributed evenly', async () => {
  expect(countByWorker(await openMany(8))).toEqual([2, 2, 2, 2]);
  expect(countByWorker(await openMany(40))).toEqual([10, 10, 10, 10]);
});

it('a worker whose connections have closed gets the next ones', async () => {
  const [first] = workers;
  const opened = await openMany(40);
  const ofFirst = opened.filter(({ pid }) => pid === first?.pid);
  for (const { socket } of ofFirst) socket.destroy();
  await waitUntil(() => closed === ofFirst.length);
  expect(countByWorker(await openMany(3))).toEqual([3, 0, 0, 0]);
});

it('connections that a killed worker has not taken are given to others, and so are later ones', async () => {
  const [first] = workers;
  process.kill(first?.pid ?? Number.NaN, 'SIGSTOP');
  const opening = openMany(40);
  const late = openMany(8);
  await Promise.race([...workers.slice(1).map(({ ended }) => ended), once(sockets[39] as Socket, 'connect')]);
  first?.kill();
  const opened = await opening;
  const all = [...opened, ...(await late), ...(await openMany(8))];
  const [toKilled, ...toOthers] = countByWorker(all);
  expect([toKilled, sum(toOthers)]).toEqual([0, all.length]);
});

it('a worker that leaves gets no more, and the listener ends with the last one', async () => {
  const [first, ...others] = workers;
  const leave = (worker: WorkerProcess | undefined) =>
    worker?.ask('drain', undefined, { maxInFlight: 1, timeoutMs: undefined });
  await leave(first);
  expect(countByWorker(await openMany(6))).toEqual([0, 2, 2, 2]);
  for (const socket of sockets.splice(0)) socket.destroy();
  distributor.drain();
  await Promise.all(others.map(leave));
  const [error] = (await once(connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException]; // as Node documents it
  expect(error.code).toBe('ECONNREFUSED');
});
