import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { findEnvoy } from '../../provision/programs/find-envoy.ts';

const run = promisify(execFile);

interface Patch {
  readonly applyTo: string;
  readonly patch: { readonly value: Record<string, unknown> };
}

it('the EnvoyFilter in deploy/istio is accepted by Envoy', async () => {
  const filter = parse(await readFile('deploy/istio/rate-limit.yaml', 'utf8'));
  const patches: readonly Patch[] = filter.spec.configPatches;
  const findValue = (target: string) => patches.find(({ applyTo }) => applyTo === target)?.patch.value;
  const configuration = parse(await readFile('envoy/envoy.yaml', 'utf8'));
  const { clusters, listeners } = configuration.static_resources;
  const manager = listeners[0].filter_chains[0].filters[0].typed_config;
  manager.http_filters.splice(-1, 0, findValue('HTTP_FILTER'));
  Object.assign(manager.route_config.virtual_hosts[0], findValue('VIRTUAL_HOST'));
  clusters.push({ ...clusters[0], name: 'outbound|8081||weir.weir.svc.cluster.local' });
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-istio-'));
  const file = path.join(folder, 'envoy.json');
  await writeFile(file, JSON.stringify(configuration));
  const options = ['-c', file, '--mode', 'validate', '--disable-hot-restart'];
  const { stdout, stderr } = await run(await findEnvoy(), options);
  await rm(folder, { recursive: true });
  expect(stdout + stderr).toContain('OK');
}, 600_000);
