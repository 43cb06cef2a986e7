import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { findEnvoy } from '../../provision/envoy.ts';

const folder = fileURLToPath(new URL('../../envoy', import.meta.url));
let envoy: string;

beforeAll(async () => {
  envoy = await findEnvoy();
}, 600_000);

describe('every configuration of Envoy in envoy/ passes envoy --mode validate', () => {
  test.for(globSync('**/envoy.yaml', { cwd: folder }))('%s', async (file) => {
    const args = ['-c', path.join(folder, file), '--mode', 'validate', '--disable-hot-restart'];
    const { stdout, stderr } = await promisify(execFile)(envoy, args);
    expect(stdout + stderr).toContain('OK');
  });
});
