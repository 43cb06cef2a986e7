import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { findEnvoy } from '../../provision/programs/find-envoy.ts';

const FOLDER = fileURLToPath(new URL('../../envoy', import.meta.url));
let envoy: string;

beforeAll(async () => {
  envoy = await findEnvoy();
}, 600_000);

describe('envoy --mode validate', () => {
  it.for(globSync('**/envoy.yaml', { cwd: FOLDER }))('accepts the example envoy/%s', async (file) => {
    const args = ['-c', path.join(FOLDER, file), '--mode', 'validate', '--disable-hot-restart'];
    const { stdout, stderr } = await promisify(execFile)(envoy, args);
    expect(stdout + stderr).toContain('OK');
  });
});
