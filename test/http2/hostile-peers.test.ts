import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SteadyLoad } from './steady-load.ts';

const here = import.meta.dirname;
const SLOT = 100;
const SLOTS = 11;
const MOST_GROWTH = 64 * 1024 * 1024;

let server: ChildProcess;
let port: number;
const loads: SteadyLoad[] = [];
const attackers: ChildProcess[] = [];

async function usage(): Promise<{ memory: number }> {
  const reply = once(server, 'message');
  server.send('usage');
  return (await reply)[0];
}

function attack(name: string): ChildProcess {
  const attacker = fork(`${here}/hostile-peer.ts`, [name, String(port)], { execArgv: [] });
  attackers.push(attacker);
  return attacker;
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

beforeAll(async () => {
  server = fork(`${here}/constant-server.ts`, { execArgv: ['--expose-gc'] });
  [{ port }] = await once(server, 'message');
  const warming = new SteadyLoad(port);
  await warming.rate(1000);
  warming.stop();
});

afterEach(() => {
  for (const load of loads.splice(0)) load.stop();
  for (const attacker of attackers.splice(0)) attacker.kill('SIGKILL');
});

afterAll(() => {
  server.kill();
});

describe.each([
  'rapid reset',
  'CONTINUATION flood',
  'HPACK bomb',
  'SETTINGS flood',
  'PING flood',
  'PING flood without reading',
  'empty DATA flood',
  'one-byte DATA flood',
  'PRIORITY flood',
  'WINDOW_UPDATE flood',
  'a reader that never reads',
  'half-closed sockets',
  'giant header lists',
  'malformed requests',
  'messages that never come whole',
])('the attack "%s"', (name) => {
  // Other work on the machine can only lower a rate, with the attack or without it. So the test measures many short
  // slots, and may try again.
  it('does not exhaust memory, and leaves a well-behaved connection at least 80% of its rate', {
    retry: 2,
  }, async () => {
    const load = new SteadyLoad(port);
    loads.push(load);
    await sleep(300);
    const before = await usage();
    const attacker = attack(name);
    await sleep(400);
    const ratios: number[] = [];
    for (let slot = 0; slot < SLOTS; slot++) {
      attacker.kill('SIGSTOP');
      await sleep(10);
      const alone = await load.rate(SLOT);
      attacker.kill('SIGCONT');
      ratios.push((await load.rate(SLOT)) / alone);
    }
    const after = await usage();
    expect(attacker.exitCode).toBeNull();
    expect(load.isAlive).toBe(true);
    expect(after.memory - before.memory).toBeLessThan(MOST_GROWTH);
    expect(median(ratios)).toBeGreaterThan(0.8);
  });
});
