import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { POSTGRES_ENVIRONMENT, type PostgresLocation } from './postgres-location.ts';

const run = promisify(execFile);

/** The password of the role `weir`. Generates and stores one at the first start. */
export async function readOrCreatePassword({ passwordFile, owner }: PostgresLocation): Promise<string> {
  const stored = await readFile(passwordFile, 'utf8').catch(() => '');
  if (stored !== '') return stored.trim();
  const password = randomBytes(24).toString('base64url');
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (owner.uid !== undefined && owner.gid !== undefined) await chown(passwordFile, owner.uid, owner.gid);
  return password;
}

/**
 * Creates the database cluster unless it exists. Creates it under another name and renames it at the end, so that one
 * that was cut short by a kill is never taken for a complete one.
 */
export async function initializeCluster(
  location: PostgresLocation,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const { clusterFolder, passwordFile, folder, binaries, owner } = location;
  const version = await readFile(path.join(clusterFolder, 'PG_VERSION'), 'utf8').catch(() => '');
  if (version !== '') return;
  const unfinished = `${clusterFolder}.new`;
  await rm(unfinished, { recursive: true, force: true });
  const sync = settings.fsync === 'off' ? ['--no-sync'] : [];
  try {
    await run(
      path.join(binaries, 'initdb'),
      [
        ...[`--pgdata=${unfinished}`, `--pwfile=${passwordFile}`, '--username=weir', '--auth=scram-sha-256'],
        ...['--encoding=UTF8', '--locale=C', ...sync],
      ],
      { ...owner, env: POSTGRES_ENVIRONMENT, cwd: folder },
    );
  } catch (error) {
    throw new Error(`Postgres could not be initialized in ${clusterFolder}: ${outputOf(error)}`, { cause: error });
  }
  await rename(unfinished, clusterFolder);
}

/** The error output of a failed command, or the error's message if there was none. */
function outputOf(error: unknown): string {
  const output = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  return output || (error instanceof Error ? error.message : String(error));
}
