import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const SOURCES = {
  h2spec: 'github.com/summerwind/h2spec/cmd/h2spec@latest',
  grpcurl: 'github.com/fullstorydev/grpcurl/cmd/grpcurl@latest',
  ghz: 'github.com/bojand/ghz/cmd/ghz@latest',
};

/** Path of a tool: on the PATH, else in Go's folder, into which it is installed if need be. */
export function goTool(name: keyof typeof SOURCES): string {
  if (spawnSync(name, ['--version']).error === undefined) return name;
  const source = SOURCES[name];
  const { status, stdout } = spawnSync('go', ['env', 'GOPATH'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name} is not on the PATH, and there is no Go to get it: go install ${source}`);
  const installed = path.join(stdout.trim(), 'bin', name);
  if (!existsSync(installed)) spawnSync('go', ['install', source], { stdio: 'inherit' });
  if (!existsSync(installed)) throw new Error(`${name} could not be installed: go install ${source}`);
  return installed;
}
