import { link, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readProcessStartTime } from './process-info.ts';

// This lock is our own, because no kept library fits. proper-lockfile (last release: 2021) detects stale locks by their
// age: a process that was suspended loses its lock, and a restart after a kill has to wait. Locks of the kernel (flock)
// need a native addon, and Weir is installed without install scripts.

/** Another running process uses the folder. */
export class FolderInUseError extends Error {
  override readonly name = 'FolderInUseError';
  constructor(folder: string, pid: number) {
    super(`${folder} is in use by process ${pid}; stop it, or set another DATA_DIR for this one`);
  }
}

export interface FolderLock {
  release(): Promise<void>;
}

/**
 * Locks a folder for this process, or throws FolderInUseError. The lock file names the pid and the start time of its
 * holder. If no such process runs, the holder was killed, and this process takes the lock over.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const file = path.join(folder, 'weir.lock');
  const draft = `${file}.${process.pid}`;
  const holder = `${process.pid} ${await readProcessStartTime(process.pid)}\n`;
  // Two processes can take over the same stale lock at once. Then Postgres' own lock on its data lets only one start.
  for (;;) {
    try {
      // Writes the file before linking it to its name, so that nobody reads a half-written lock and takes it for stale.
      await writeFile(draft, holder);
      await link(draft, file);
      return { release: () => rm(file, { force: true }) };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    } finally {
      await rm(draft, { force: true });
    }
    const otherPid = await readRunningHolder(file);
    if (otherPid !== undefined) throw new FolderInUseError(folder, otherPid);
    await rm(file, { force: true });
  }
}

/** The pid of the process that holds a lock; undefined: the lock is stale. */
async function readRunningHolder(file: string): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const [, pid, startTime] = /^(\d+) (.*)\n$/.exec(text) ?? [];
  if (pid === undefined) return undefined;
  return (await readProcessStartTime(Number(pid))) === startTime ? Number(pid) : undefined;
}
