import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { ClientHttp2Session } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, inFolder, openSession, useTlsServers } from './tls-servers.ts';

const SLOT_MS = 700;
const SLOTS = 5;
const CALL_INTERVAL_MS = 5;
const here = import.meta.dirname;

let server: ChildProcess;
let port: number;
let session: ClientHttp2Session;

useTlsServers();

beforeAll(async () => {
  server = fork(`${here}/echo-server.ts`, [inFolder('server.crt'), inFolder('server.key')], { execArgv: [] });
  [{ port }] = await once(server, 'message');
  session = await openSession(port, { rejectUnauthorized: false });
  await measureP95();
});

afterAll(() => {
  session.destroy();
  server.kill();
});

/** The 95th percentile of the time of a call on the open connection, in ms. */
async function measureP95(): Promise<number> {
  const times: number[] = [];
  const end = performance.now() + SLOT_MS;
  while (performance.now() < end) {
    const sentAt = performance.now();
    await call(session, Buffer.from('measured'));
    times.push(performance.now() - sentAt);
    await sleep(CALL_INTERVAL_MS);
  }
  times.sort((left, right) => left - right);
  return times[Math.floor(times.length * 0.95)] ?? Number.NaN;
}

/** The share of time since the last call of this function in which the thread of the server was busy. */
async function readUtilization(): Promise<number> {
  const reply = once(server, 'message');
  server.send('utilization');
  const [{ utilization }] = (await reply) as [{ utilization: number }]; // as echo-server.ts sends it
  return utilization;
}

/** The time of a handshake of a client with another address than the flood, in ms. */
async function measureHandshake(): Promise<number> {
  const startedAt = performance.now();
  const options = { port, host: '127.0.0.1', localAddress: '127.0.0.2', ALPNProtocols: ['h2'] };
  const socket = connectTls({ ...options, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  socket.destroy();
  return performance.now() - startedAt;
}

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[values.length >> 1] ?? Number.NaN;

describe('during a flood of TLS handshakes', () => {
  it.for([
    'handshakes',
    'copied ClientHellos',
    'ClientHellos that nobody goes on after',
    'ClientHellos without their last byte, which then come all at once',
  ])('(%s), calls take as long as before, and another address gets a connection', { retry: 2 }, async (kind) => {
    const flood = fork(`${here}/handshake-flood.ts`, [kind, String(port)], { execArgv: [] });
    try {
      await sleep(1500);
      const slots: { readonly before: number; readonly during: number; readonly utilization: number }[] = [];
      for (let slot = 0; slot < SLOTS; slot++) {
        flood.kill('SIGSTOP');
        await sleep(50);
        const before = await measureP95();
        flood.kill('SIGCONT');
        await readUtilization();
        slots.push({ before, during: await measureP95(), utilization: await readUtilization() });
      }
      const handshake = await measureHandshake();
      expect(flood.exitCode).toBeNull();
      console.log(kind, slots, handshake);
      expect(median(slots.map(({ before, during }) => during - 2 * before))).toBeLessThan(3);
      expect(median(slots.map(({ utilization }) => utilization))).toBeLessThan(0.6);
      expect(handshake).toBeLessThan(2000);
    } finally {
      flood.kill('SIGKILL');
      await once(flood, 'exit');
    }
  });
});
