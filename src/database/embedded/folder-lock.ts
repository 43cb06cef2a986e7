import { link, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readProcessStartTime } from './process-info.ts';

/** Another process that lives uses the folder. */
export class FolderInUseError extends Error {
  override readonly name = 'FolderInUse';
  constructor(folder: string, pid: number) {
    super(`${folder} is in use by process ${pid}; stop it, or give this one another DATA_DIR`);
  }
}

export interface FolderLock {
  release(): Promise<void>;
}

/**
 * Takes a folder for this process, or throws FolderInUse. A lock that a killed process left is known by its pid being
 * gone, or being that of a process which started at another time, and is taken over.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const file = path.join(folder, 'weir.lock');
  const draft = `${file}.${process.pid}`;
  const own = `${process.pid} ${await readProcessStartTime(process.pid)}\n`;
  // Two may take over the same stale lock at once; of them, Postgres' own lock on its data lets only one start.
  for (;;) {
    try {
      // Written first and linked then: nobody reads a lock that is not written yet, and takes it for a stale one.
      await writeFile(draft, own);
      await link(draft, file);
      return { release: () => rm(file, { force: true }) };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    } finally {
      await rm(draft, { force: true });
    }
    const holder = await readHolder(file);
    if (holder !== undefined) throw new FolderInUseError(folder, holder);
    await rm(file, { force: true });
  }
}

async function readHolder(file: string): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const [, pid, start] = /^(\d+) (.*)\n$/.exec(text) ?? [];
  if (pid === undefined) return undefined;
  return (await readProcessStartTime(Number(pid))) === start ? Number(pid) : undefined;
}
