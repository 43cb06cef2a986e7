import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { startEngineServer } from './engine-server.ts';

const SOURCE = 'github.com/summerwind/h2spec/cmd/h2spec@latest';

function goBin(): string | undefined {
  const { status, stdout } = spawnSync('go', ['env', 'GOPATH'], { encoding: 'utf8' });
  return status === 0 ? path.join(stdout.trim(), 'bin', 'h2spec') : undefined;
}

/** From the PATH, else from Go's folder, into which it is installed if need be. */
function findH2spec(): string {
  if (spawnSync('h2spec', ['--version']).status === 0) return 'h2spec';
  const installed = goBin();
  if (installed === undefined)
    throw new Error(`h2spec is not on the PATH and there is no Go to get it: go install ${SOURCE}`);
  if (existsSync(installed)) return installed;
  spawnSync('go', ['install', SOURCE], { stdio: 'inherit' });
  if (existsSync(installed)) return installed;
  throw new Error(`h2spec could not be installed: go install ${SOURCE}`);
}

it('passes h2spec in full', { timeout: 300_000 }, async () => {
  const h2spec = findH2spec();
  const server = await startEngineServer();
  try {
    const { stdout } = await promisify(execFile)(h2spec, ['-h', '127.0.0.1', '-p', String(server.port)]);
    const [, tests, passed] = /(\d+) tests, (\d+) passed, 0 skipped, 0 failed/.exec(stdout) ?? [];
    expect(Number(tests)).toBeGreaterThanOrEqual(145);
    expect(passed).toBe(tests);
  } finally {
    await server.stop();
  }
});
