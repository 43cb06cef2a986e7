import { constants } from 'node:fs';
import { chown, type FileHandle, lchown, lstat, mkdir, open, rm } from 'node:fs/promises';
import { openRegularFile } from '../../files/regular-file.ts';

/*
 * Weir may run as root, and Postgres as the user `postgres`. A link that this user has put in place of a file must not
 * make root read, write or hand over a file of its own. So root owns the folder and all files in it but the cluster's,
 * and takes over those of an earlier version, which belonged to `postgres`.
 */

const { O_CREAT, O_EXCL, O_WRONLY } = constants;

/** Makes this process' user the owner of a folder, which it creates if it is missing. Throws if it is not a folder. */
export async function takeOverFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const stats = await lstat(folder);
  if (!stats.isDirectory()) throw new Error(`${folder} must be a folder`);
  const uid = process.getuid?.();
  if (uid === 0 && stats.uid !== uid) await lchown(folder, 0, 0);
}

/** Creates a folder for the user that runs Postgres, in a folder of this process' user. */
export async function createFolderFor(
  owner: { readonly uid?: number; readonly gid?: number },
  folder: string,
): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  if (owner.uid !== undefined && owner.gid !== undefined) await chown(folder, owner.uid, owner.gid);
}

/**
 * Reads a file; undefined if it does not exist. Throws if it is a link or anything else than a file. Hard links may be
 * allowed for files whose content nobody gets to see.
 */
export async function readOwnFile(file: string, { allowsHardLinks = false } = {}): Promise<string | undefined> {
  await using handle = await openPlain(file, allowsHardLinks);
  return handle?.readFile('utf8');
}

/** Opens a new, empty file for writing, which only its owner can read. Replaces whatever has its name. */
export async function openNewFile(file: string): Promise<FileHandle> {
  await rm(file, { force: true });
  return open(file, O_WRONLY | O_CREAT | O_EXCL, 0o600);
}

/** Undefined if the file does not exist. */
async function openPlain(file: string, allowsHardLinks: boolean): Promise<FileHandle | undefined> {
  const handle = await openRegularFile(file);
  // A second name of a file elsewhere would be as good as a link.
  if (handle === undefined || allowsHardLinks || (await handle.stat()).nlink === 1) return handle;
  await handle.close();
  throw new Error(`${file} must be a file with one name (found a hard link)`);
}
