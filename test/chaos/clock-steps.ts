import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTemporaryFolder } from '../../provision/postgres.ts';
import { startRedisProcess } from '../../provision/redis.ts';
import { runCommand } from '../../provision/run-command.ts';
import type { Course, Place } from './scenario.ts';
import { OneServer } from './single-server.ts';

const SOURCE = fileURLToPath(new URL('clock-step.c', import.meta.url));

/** A Redis server whose clock can be set. It takes a C compiler, as libfaketime and jemalloc do not start together. */
class SteppedServer extends OneServer {
  #file = '';

  static async start(): Promise<SteppedServer> {
    const folder = await createTemporaryFolder();
    const [library, file] = [path.join(folder, 'clock-step.so'), path.join(folder, 'step')];
    await runCommand('cc', '-shared', '-fPIC', '-o', library, SOURCE);
    const environment = { LD_PRELOAD: library, CLOCK_STEP_FILE: file };
    const server = new SteppedServer(await startRedisProcess({ environment }));
    server.#file = file;
    return server;
  }

  /** Its clock is so many seconds ahead from now on. */
  async setAhead(seconds: number): Promise<Course> {
    await writeFile(`${this.#file}.new`, `${seconds}\n`);
    const from = performance.now();
    await rename(`${this.#file}.new`, this.#file);
    return { from, backAt: performance.now() };
  }
}

export const CLOCK_STEPS: Place<SteppedServer> = {
  name: 'one Redis server whose clock is set',
  open: SteppedServer.start,
  scenarios: [
    { name: 'clock 10 s forward', isOutage: false, loses: 'ended', cause: (server) => server.setAhead(10) },
    { name: 'clock 10 s back', isOutage: false, loses: 'nothing', cause: (server) => server.setAhead(0) },
  ],
};
