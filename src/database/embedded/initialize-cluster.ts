import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { createFolderFor, openNewFile, readOwnFile } from './owned-files.ts';
import { POSTGRES_ENVIRONMENT, type PostgresLocation, type PostgresOwner } from './postgres-location.ts';

const run = promisify(execFile);

/** The role that owns the cluster. It has a password that nobody knows, so nobody can sign in as it. */
const SUPERUSER = 'postgres';
/** The role of Weir's own connections. */
export const ROLE = 'weir';
export const DATABASE = 'postgres';

/** The password of the role `weir`. Generates and stores one at the first start. */
export async function readOrCreatePassword({ passwordFile }: PostgresLocation): Promise<string> {
  const stored = await readOwnFile(passwordFile);
  if (stored !== undefined && stored !== '') return stored.trim();
  const password = generatePassword();
  await writeNewFile(passwordFile, `${password}\n`);
  return password;
}

/**
 * Creates the database cluster unless it exists, with a role `weir` that owns the database and is no superuser. Creates
 * it under another name and renames it at the end, so that one that was cut short by a kill is never taken for a complete
 * one. `roleAttributes` are those of the role, such as `nosuperuser`. Returns whether it has created the cluster.
 */
export async function initializeCluster(
  location: PostgresLocation,
  settings: Readonly<Record<string, string>>,
  password: string,
  roleAttributes: string,
): Promise<boolean> {
  const { clusterFolder } = location;
  const version = await readFile(path.join(clusterFolder, 'PG_VERSION'), 'utf8').catch(() => '');
  if (version !== '') return false;
  const unfinished = `${clusterFolder}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await createFolderFor(location.owner, unfinished);
  try {
    await createCluster(location, unfinished, settings);
    await createRole(location, unfinished, password, roleAttributes);
  } catch (error) {
    throw new Error(`Postgres could not be initialized in ${clusterFolder}: ${outputOf(error)}`, { cause: error });
  }
  await rename(unfinished, clusterFolder);
  return true;
}

async function createCluster(
  { folder, binaries, owner }: PostgresLocation,
  clusterFolder: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const sync = settings.fsync === 'off' ? ['--no-sync'] : [];
  // initdb runs as the owner of the cluster, which cannot read the files of this process' user.
  const passwordFile = path.join(folder, 'superuser-password');
  await writeNewFile(passwordFile, `${generatePassword()}\n`, owner);
  try {
    await run(
      path.join(binaries, 'initdb'),
      [
        ...[`--pgdata=${clusterFolder}`, `--pwfile=${passwordFile}`, `--username=${SUPERUSER}`],
        ...['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', ...sync],
      ],
      { ...owner, env: POSTGRES_ENVIRONMENT, cwd: folder },
    );
  } finally {
    await rm(passwordFile);
  }
}

/** Uses the single-user mode of Postgres, which nobody else can connect to. It reads one statement per line. */
async function createRole(
  { folder, binaries, owner }: PostgresLocation,
  clusterFolder: string,
  password: string,
  roleAttributes: string,
): Promise<void> {
  const statements = [
    `create role ${ROLE} login ${roleAttributes} password '${password}'`,
    `alter database ${DATABASE} owner to ${ROLE}`,
  ];
  const single = ['--single', '-D', clusterFolder, '-c', 'log_statement=none', '-c', 'exit_on_error=on', DATABASE];
  const options = { ...owner, env: POSTGRES_ENVIRONMENT, cwd: folder };
  const running = run(path.join(binaries, 'postgres'), single, options);
  running.child.stdin?.end(statements.map((statement) => `${statement}\n`).join(''));
  await running;
}

async function writeNewFile(file: string, text: string, owner: PostgresOwner = {}): Promise<void> {
  await using handle = await openNewFile(file);
  await handle.writeFile(text);
  if (owner.uid !== undefined && owner.gid !== undefined) await chown(file, owner.uid, owner.gid);
}

function generatePassword(): string {
  return randomBytes(24).toString('base64url');
}

/** The error output of a failed command, or the error's message if there was none. */
function outputOf(error: unknown): string {
  const output = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  return output || (error instanceof Error ? error.message : String(error));
}
