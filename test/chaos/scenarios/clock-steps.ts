import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTemporaryFolder } from '../../../provision/postgres.ts';
import { startRedisProcess } from '../../../provision/redis.ts';
import { runCommand } from '../../../provision/run-command.ts';
import type { Disruption, RedisSetup } from './scenario.ts';
import { SingleServer } from './single-server.ts';

const SOURCE_FILE = fileURLToPath(new URL('clock-step.c', import.meta.url));

/**
 * A Redis server whose clock can be set. Needs a C compiler: libfaketime is no alternative, because Redis does not start
 * with both libfaketime and jemalloc.
 */
class SteppedClockServer extends SingleServer {
  #stepFile = '';

  static async start(): Promise<SteppedClockServer> {
    const folder = await createTemporaryFolder();
    const [library, stepFile] = [path.join(folder, 'clock-step.so'), path.join(folder, 'step')];
    await runCommand('cc', '-shared', '-fPIC', '-o', library, SOURCE_FILE);
    const environment = { LD_PRELOAD: library, CLOCK_STEP_FILE: stepFile };
    const server = new SteppedClockServer(await startRedisProcess({ environment }));
    server.#stepFile = stepFile;
    return server;
  }

  /** Sets the server's clock this far ahead of the machine's. */
  async setClockAhead(seconds: number): Promise<Disruption> {
    await writeFile(`${this.#stepFile}.new`, `${seconds}\n`);
    const startedAt = performance.now();
    await rename(`${this.#stepFile}.new`, this.#stepFile);
    return { startedAt, endedAt: performance.now() };
  }
}

export const STEPPED_CLOCK: RedisSetup<SteppedClockServer> = {
  name: 'one Redis server whose clock is set',
  start: SteppedClockServer.start,
  scenarios: [
    {
      name: 'clock 10 s forward',
      isOutage: false,
      loses: 'ended',
      disrupt: (server) => server.setClockAhead(10),
    },
    {
      name: 'clock 10 s back',
      isOutage: false,
      loses: 'nothing',
      disrupt: (server) => server.setClockAhead(0),
    },
  ],
};
