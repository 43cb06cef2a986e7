import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { findEnvoy } from '../../provision/programs/find-envoy.ts';
import { codeBlocks } from './markdown.ts';

const run = promisify(execFile);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-documented-yaml-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const readBlocks = async (page: string) => codeBlocks(await readFile(page, 'utf8'), 'yaml');

describe('the YAML of the documentation', () => {
  it('is accepted by Envoy as part of envoy/envoy.yaml, in docs/envoy.md', async () => {
    const blocks = await readBlocks('docs/envoy.md');
    expect(blocks.length).toBeGreaterThan(0);
    const envoy = await findEnvoy();
    for (const block of blocks) {
      const configuration = parse(await readFile('envoy/envoy.yaml', 'utf8'));
      const { clusters } = configuration.static_resources;
      for (const fragment of parse(block).clusters) {
        const cluster = clusters.find(({ name }: { name: string }) => name === fragment.name);
        Object.assign(cluster ?? expect.unreachable(`there is no cluster ${fragment.name}`), fragment);
      }
      const file = path.join(folder, 'envoy.json');
      await writeFile(file, JSON.stringify(configuration));
      const { stdout, stderr } = await run(envoy, ['-c', file, '--mode', 'validate', '--disable-hot-restart']);
      expect(stdout + stderr).toContain('OK');
    }
  }, 600_000);

  it('has no fault as rules, in docs/getting-started.md', async () => {
    const blocks = await readBlocks('docs/getting-started.md');
    expect(blocks.length).toBeGreaterThan(0);
    for (const block of blocks) {
      const file = path.join(folder, 'rules.yaml');
      await writeFile(file, block);
      const { stdout } = await run(process.execPath, ['src/main.ts', 'check-rules', file]);
      expect(stdout).toBe(`${file}: 1 domain, no faults\n`);
    }
  });
});
