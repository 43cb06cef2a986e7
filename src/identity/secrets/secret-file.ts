import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { WarningLogger } from '../../interfaces/logger.ts';

const SECRET_BYTES = 32;

/** Error codes of a folder that cannot be written to, such as in a container with a read-only file system. */
const UNWRITABLE_CODES: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM', 'EROFS']);

/**
 * Returns the secret that signing keys are sealed with, for installations that do not configure one. It is stored in a
 * file in the folder, which only the current user can read. Creates the file if it is missing; processes that start
 * together get the same secret. If the folder cannot be written to, the secret is stored nowhere and new at each start.
 */
export async function loadOrCreateSecret(folder: string, log: WarningLogger): Promise<string> {
  try {
    return await loadOrCreateIn(path.resolve(folder));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && UNWRITABLE_CODES.has(error.code))) throw error;
    log.warn(
      { folder },
      'could not store the secret of the signing keys in this folder; the next start will sign with another key',
    );
    return generateSecret();
  }
}

async function loadOrCreateIn(folder: string): Promise<string> {
  const file = path.join(folder, 'signing-key-secret');
  const stored = await readIfExists(file);
  if (stored !== undefined) return stored;
  await mkdir(folder, { recursive: true });
  const secret = generateSecret();
  const temporaryFile = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await writeFile(temporaryFile, `${secret}\n`, { mode: 0o600, flag: 'wx', flush: true });
  try {
    await link(temporaryFile, file); // atomic, and fails if another process was faster
    return secret;
  } catch (error) {
    const secretOfOther = await readIfExists(file);
    if (secretOfOther === undefined) throw error;
    return secretOfOther;
  } finally {
    await rm(temporaryFile);
  }
}

function generateSecret(): string {
  return randomBytes(SECRET_BYTES).toString('hex');
}

/** undefined: the file does not exist. */
async function readIfExists(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
