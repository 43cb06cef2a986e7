import { randomBytes } from 'node:crypto';
import { link, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { openNewFile, readOwnFile } from '../../database/embedded/owned-files.ts';

const SECRET_BYTES = 32;

/** Generates a secret: 256 random bits in hex. */
export function generateSecret(): string {
  return randomBytes(SECRET_BYTES).toString('hex');
}

/**
 * Reads a file of secrets, without blanks around them; undefined if it does not exist. Throws if it is empty, a link or
 * anything else than a file.
 */
export async function readSecretFile(file: string): Promise<string | undefined> {
  // While it is created, the file has two names for a moment.
  const text = (await readOwnFile(file, { allowsHardLinks: true }))?.trim();
  if (text === '') throw new Error(`${file}: must hold a secret (found an empty file)`);
  return text;
}

/**
 * Creates a file that only the current user can read, and its folder if that is missing. Returns the text of the file:
 * if several processes create it together, that of the fastest.
 */
export async function createSecretFile(file: string, text: string): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true });
  const temporaryFile = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await writeNewFile(temporaryFile, `${text}\n`);
  try {
    await link(temporaryFile, file); // atomic, and fails if another process was faster
    return text;
  } catch (error) {
    const textOfOther = await readSecretFile(file);
    if (textOfOther === undefined) throw error;
    return textOfOther;
  } finally {
    await rm(temporaryFile);
  }
}

async function writeNewFile(file: string, text: string): Promise<void> {
  await using handle = await openNewFile(file);
  await handle.writeFile(text);
  await handle.sync();
}
