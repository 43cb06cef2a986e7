import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

/** A temporary file that is older was left behind by a process that was killed. */
const MAX_TEMPORARY_AGE_MS = 60 * 60 * 1000;

/**
 * Writes a file that only the user of this process can read, and puts it in the place of `file` in one step. If `write`
 * fails, the former file stays. Creates the folder if it is missing.
 */
export async function replaceFile(file: string, write: (handle: FileHandle) => Promise<void>): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await removeAbandoned(file);
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await write(handle);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Removes temporary files of processes that were killed. */
async function removeAbandoned(file: string): Promise<void> {
  const folder = path.dirname(file);
  const prefix = `${path.basename(file)}.`;
  const names = (await readdir(folder)).filter((name) => name.startsWith(prefix) && name.endsWith('.tmp'));
  for (const name of names) {
    const temporary = path.join(folder, name);
    const { mtimeMs } = await stat(temporary).catch(() => ({ mtimeMs: Date.now() })); // its process has just removed it
    if (Date.now() - mtimeMs > MAX_TEMPORARY_AGE_MS) await rm(temporary, { force: true });
  }
}
