import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { SteadyLoad } from './steady-load.ts';

/** The attacks of hostile-peer.ts. */
export const ATTACK_NAMES = [
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
];

const here = import.meta.dirname;

export interface AttackedServer {
  /** Starts a well-behaved client. It stops after the test. */
  startLoad(): SteadyLoad;
  /** Starts an attack in a process of its own, and waits for its first connection. It stops after the test. */
  attack(name: string): Promise<ChildProcess>;
  /** Collects garbage and returns the resident memory of the server in bytes. */
  measureMemory(): Promise<number>;
}

/** Runs a server in its own process, for the tests of a file. */
export function useAttackedServer(): AttackedServer {
  let server: ChildProcess;
  let port: number;
  const loads: SteadyLoad[] = [];
  const attackers: ChildProcess[] = [];
  beforeAll(async () => {
    server = fork(`${here}/constant-server.ts`, { execArgv: ['--expose-gc'] });
    [{ port }] = await once(server, 'message');
    const warming = new SteadyLoad(port);
    await warming.complete(5000);
    warming.stop();
  });
  afterEach(() => {
    for (const load of loads.splice(0)) load.stop();
    for (const attacker of attackers.splice(0)) attacker.kill('SIGKILL');
  });
  afterAll(() => {
    server.kill();
  });
  return {
    startLoad() {
      const load = new SteadyLoad(port);
      loads.push(load);
      return load;
    },
    async attack(name) {
      const attacker = fork(`${here}/hostile-peer.ts`, [name, String(port)], { execArgv: [] });
      attackers.push(attacker);
      await once(attacker, 'message');
      return attacker;
    },
    async measureMemory() {
      const reply = once(server, 'message');
      server.send('usage');
      const [{ memory }] = (await reply) as [{ memory: number }]; // as constant-server.ts sends it
      return memory;
    },
  };
}
