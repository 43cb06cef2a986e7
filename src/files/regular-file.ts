import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/**
 * Opens a file for reading; undefined if it does not exist. Throws if it is anything else than a regular file. A symbolic
 * link is not followed, because it may lead to a file of another user, and a pipe does not block.
 */
export async function openRegularFile(file: string): Promise<FileHandle | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    if (error.code === 'ENOENT') return undefined;
    if (error.code !== 'ELOOP') throw error;
    throw new Error(`${file} must be a file (found a link)`, { cause: error });
  }
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new Error(`${file} must be a file (found another kind)`);
}
