import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { WarningLogger } from '../../interfaces/logger.ts';

const SECRET_BYTES = 32;

/**
 * The secret that signing keys are sealed with, for who sets none: kept in a file of the folder that only this user may
 * read, made up where there is none. Processes that start together get the same one. Where the folder cannot be written
 * to, it is kept nowhere.
 */
export async function loadOrCreateSecret(folder: string, log: WarningLogger): Promise<string> {
  try {
    return await secretIn(path.resolve(folder));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && UNWRITABLE.has(error.code))) throw error;
    log.warn(
      { folder },
      'the secret of signing keys cannot be kept in this folder: a new start will sign with another key',
    );
    return newSecret();
  }
}

/** As in a container whose file system may only be read. */
const UNWRITABLE: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM', 'EROFS']);

async function secretIn(folder: string): Promise<string> {
  const file = path.join(folder, 'signing-key-secret');
  const kept = await contentOf(file);
  if (kept !== undefined) return kept;
  await mkdir(folder, { recursive: true });
  const secret = newSecret();
  const unfinished = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await writeFile(unfinished, `${secret}\n`, { mode: 0o600, flag: 'wx', flush: true });
  try {
    await link(unfinished, file); // whole or not at all, and never over another
    return secret;
  } catch (error) {
    const other = await contentOf(file);
    if (other === undefined) throw error;
    return other;
  } finally {
    await rm(unfinished);
  }
}

function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('hex');
}

async function contentOf(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
