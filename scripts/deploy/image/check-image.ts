import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePort } from '../../../provision/free-port.ts';
import { startPostgres } from '../../../provision/postgres.ts';
import { findHadolint } from '../../../provision/programs/find-hadolint.ts';
import { CheckNotRun, type DeployCheck } from '../run-checks.ts';
import { runTool } from '../run-tool.ts';
import { parseDockerfile } from './dockerfile.ts';
import { ImageBuilder, type ImageConfig } from './image-root.ts';
import { ProgramInRoot } from './run-in-root.ts';

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 500;

/** Checks of the image. With `isBuilding`, its Dockerfile is carried out without Docker, which takes a minute. */
export function imageChecks(isBuilding: boolean): readonly DeployCheck[] {
  const lint: DeployCheck = {
    name: 'hadolint Dockerfile',
    run: async () => {
      await runTool(await findHadolint(), 'Dockerfile');
    },
  };
  return isBuilding ? [lint, { name: 'the image, built and started with a read-only root', run: checkImage }] : [lint];
}

async function checkImage(): Promise<void> {
  if (process.getuid?.() !== 0) throw new CheckNotRun('needs root, to change the root of a process');
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-image-'));
  try {
    const builder = new ImageBuilder(folder, process.cwd());
    for (const stage of parseDockerfile(await readFile('Dockerfile', 'utf8'))) {
      const { root, config } = await builder.build(stage);
      if (stage.name === 'ratelimit') await expectOutput(root, config, ['--help'], 'Usage: weir ratelimit');
      if (stage.name === '') await serveInRoot(root, config);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function expectOutput(root: string, config: ImageConfig, operands: readonly string[], text: string) {
  const { exitCode, printed } = await new ProgramInRoot(root, config, [...config.command, ...operands]).ended;
  if (exitCode !== 0 || !printed.includes(text)) throw new Error(`expected "${text}", got ${exitCode}: ${printed}`);
}

/** Starts the image as it is, with a Postgres, until its health check passes, and stops it. */
async function serveInRoot(root: string, config: ImageConfig): Promise<void> {
  await using resources = new AsyncDisposableStack();
  const postgres = await startPostgres();
  resources.defer(() => postgres.stop());
  const environment = {
    DATABASE_URL: await postgres.createDatabase(),
    DECISION_ADDRESS: `0.0.0.0:${await findFreePort()}`,
    ADMIN_ADDRESS: `127.0.0.1:${await findFreePort()}`,
    HTTP_ADDRESS: `127.0.0.1:${await findFreePort()}`,
  };
  const node = new ProgramInRoot(root, config, config.command, environment);
  resources.defer(async () => {
    await node.stop();
  });
  const health = () => new ProgramInRoot(root, config, config.healthCheck ?? [], environment).ended;
  const giveUpAt = performance.now() + START_TIMEOUT_MS;
  while ((await health()).exitCode !== 0) {
    if (node.hasEnded || performance.now() > giveUpAt) throw new Error(`not healthy: ${(await node.stop()).printed}`);
    await sleep(POLL_MS);
  }
  const { exitCode, printed } = await node.stop();
  if (exitCode !== 0) throw new Error(`exited with ${exitCode}: ${printed}`);
  if ((await health()).exitCode !== 1) throw new Error('the health check must fail when the node has stopped');
}
