import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

export interface KeptSecret {
  readonly secret: string;
  readonly file: string;
  /** By this call: nobody else has it yet. */
  readonly isNew: boolean;
}

const SECRET_BYTES = 32;

/**
 * The secret that signing keys are sealed with, for who sets none: kept in a file of the folder that only this user may
 * read, made up where there is none. Processes that start together get the same one.
 */
export async function keptSecret(folder: string): Promise<KeptSecret> {
  const file = path.join(path.resolve(folder), 'signing-key-secret');
  const kept = await contentOf(file);
  if (kept !== undefined) return { secret: kept, file, isNew: false };
  await mkdir(folder, { recursive: true });
  const secret = randomBytes(SECRET_BYTES).toString('hex');
  const unfinished = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await writeFile(unfinished, `${secret}\n`, { mode: 0o600, flag: 'wx', flush: true });
  try {
    await link(unfinished, file); // whole or not at all, and never over another
    return { secret, file, isNew: true };
  } catch (error) {
    const other = await contentOf(file);
    if (other === undefined) throw error;
    return { secret: other, file, isNew: false };
  } finally {
    await rm(unfinished);
  }
}

async function contentOf(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
