import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTemporaryFolder } from '../../provision/postgres.ts';
import { runTool } from '../../scripts/deploy/run-tool.ts';
import { check, httpStatus } from '../support/clients/decision-calls.ts';
import { GrpcClient } from '../support/clients/grpc-client.ts';
import { startWeirProcess, WeirProcess } from '../support/weir-process.ts';

const run = promisify(execFile);
const INSTALL_TIMEOUT_MS = 300_000;

const RULES = `
domain: edge
descriptors:
  - key: remote_address
    rate_limit: { unit: minute, requests_per_unit: 60 }
`;

let folder: string;
/** An empty folder, in which the package is installed. */
let installed: string;
let program: string;

beforeAll(async () => {
  folder = await createTemporaryFolder();
  installed = path.join(folder, 'installed');
  program = path.join(installed, 'node_modules', '.bin', 'weir');
  await mkdir(installed);
  await writeFile(path.join(installed, 'rules.yaml'), RULES);
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder]);
  const [archive] = Object.values<{ filename: string }>(JSON.parse(stdout));
  await runNpm('install', '--prefer-offline', '--no-audit', path.join(folder, archive?.filename ?? ''));
}, INSTALL_TIMEOUT_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

const runNpm = (...operands: readonly string[]) => run('npm', operands, { cwd: installed });

describe('the npm package, installed from its archive in an empty folder', () => {
  it('runs check-rules by npx', async () => {
    const { stdout } = await run('npx', ['--no-install', 'weir', 'check-rules', 'rules.yaml'], { cwd: installed });
    expect(stdout).toContain('1 domain, no faults');
  });

  it('serves with the embedded Postgres, whose install scripts have not run', async () => {
    const environment = { DATA_DIR: path.join(folder, 'data'), RULES_PATH: path.join(installed, 'rules.yaml') };
    const { weir, ports } = await startWeirProcess(environment, program);
    const decision = new GrpcClient(ports.decision);
    try {
      expect(httpStatus(await check(decision, { 'x-api-key': 'unknown' }))).toBe(401);
      const status = await fetch(`http://127.0.0.1:${ports.http}/status`);
      expect(await status.json()).toMatchObject({ reasons: [] });
    } finally {
      decision.close();
      expect(await weir.stop()).toBe(0);
    }
  });

  it('names the version that it needs on a Node that is too old', async () => {
    const pretend = 'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "22.19.0" } })';
    const old = runTool(process.execPath, '--import', `data:text/javascript,${pretend}`, program, '--version');
    await expect(old).rejects.toThrow('weir needs Node 24.7.0 or newer (this is 22.19.0)');
  });

  // Last, because it removes packages.
  it('says how to set DATABASE_URL where the optional embedded Postgres is not installed', async () => {
    await runNpm('prune', '--omit=optional');
    const anyPort = '127.0.0.1:0';
    const addresses = { DECISION_ADDRESS: anyPort, ADMIN_ADDRESS: anyPort, HTTP_ADDRESS: anyPort };
    const weir = new WeirProcess(['serve'], addresses, program);
    expect(await weir.exited).toBe(78);
    expect(weir.printed).toMatch(/^DATABASE_URL: must be set, such as postgres:\/\/.* is not installed$/m);
  });
});
