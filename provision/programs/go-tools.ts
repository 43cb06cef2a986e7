import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../run-command.ts';

/** Programs that Go builds, at fixed versions. */
const GO_TOOLS = {
  h2spec: { source: 'github.com/summerwind/h2spec/cmd/h2spec', version: 'v2.2.1+incompatible' },
  grpcurl: { source: 'github.com/fullstorydev/grpcurl/cmd/grpcurl', version: 'v1.9.4' },
  ghz: { source: 'github.com/bojand/ghz/cmd/ghz', version: 'v0.93.0' },
  helm: { source: 'helm.sh/helm/v3/cmd/helm', version: 'v3.22.0' },
};

type GoTool = keyof typeof GO_TOOLS;

/** Time to build a program on a busy machine, with downloads, in ms. */
export const GO_BUILD_TIMEOUT_MS = 600_000;

const cacheFolder = fileURLToPath(new URL('../../.cache/go-tools/', import.meta.url));

/**
 * Returns the path of a program. Builds it with Go unless it is in `.cache/go-tools/`, which takes minutes the first time.
 * Processes that ask at the same time take turns, so that it is built once. Rejects without Go.
 */
export async function findGoTool(name: GoTool): Promise<string> {
  const { source, version } = GO_TOOLS[name];
  const program = programOf(name);
  if (existsSync(program)) return program;
  await mkdir(cacheFolder, { recursive: true });
  const build = await mkdtemp(path.join(cacheFolder, 'new-'));
  const install = ['env', `GOBIN=${build}`, 'go', 'install', `${source}@${version}`];
  try {
    // One build at a time, of any program: two would share the processors and take twice as long each.
    const unlessBuilt = ['sh', '-c', 'test -e "$0" || exec "$@"', program, ...install];
    await runCommand('flock', path.join(cacheFolder, 'lock'), ...unlessBuilt);
    // A rename within one file system is atomic: other processes see the complete program or none.
    if (!existsSync(program)) await rename(build, path.dirname(program));
  } catch (error) {
    throw new Error(`${name}: cannot be built with Go (go install ${source}@${version})`, { cause: error });
  } finally {
    await rm(build, { recursive: true, force: true });
  }
  return program;
}

/** Whether a program is built already. */
export function isGoToolBuilt(name: GoTool): boolean {
  return existsSync(programOf(name));
}

function programOf(name: GoTool): string {
  return path.join(cacheFolder, `${name}-${GO_TOOLS[name].version}`, name);
}
