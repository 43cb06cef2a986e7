import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const SOURCES = {
  h2spec: 'github.com/summerwind/h2spec/cmd/h2spec@latest',
  grpcurl: 'github.com/fullstorydev/grpcurl/cmd/grpcurl@latest',
  ghz: 'github.com/bojand/ghz/cmd/ghz@latest',
};

/** Returns the path of a tool: on the PATH, or else in Go's folder. Installs it there if it is missing. */
export function goTool(name: keyof typeof SOURCES): string {
  if (spawnSync(name, ['--version']).error === undefined) return name;
  const source = SOURCES[name];
  const { status, stdout } = spawnSync('go', ['env', 'GOPATH'], { encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`${name}: must be on the PATH, or Go must be installed to build it (go install ${source})`);
  const installed = path.join(stdout.trim(), 'bin', name);
  if (!existsSync(installed)) spawnSync('go', ['install', source], { stdio: 'inherit' });
  if (!existsSync(installed)) throw new Error(`${name}: installation failed (go install ${source})`);
  return installed;
}
