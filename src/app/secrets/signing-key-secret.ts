import path from 'node:path';
import type { WarningLogger } from '../../interfaces/logger.ts';
import { createSecretFile, generateSecret, readSecretFile } from './secret-file.ts';

/** Error codes of a folder that cannot be written to, such as in a container with a read-only file system. */
const UNWRITABLE_CODES: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM', 'EROFS']);

/**
 * Returns the secret that signing keys are sealed with, for nodes that do not configure one. It is kept in the file
 * `signing-key-secret` in the data folder, which is created if it is missing. If the folder cannot be written to, the
 * secret is stored nowhere and new at each start. Throws if the file is empty or a link.
 */
export async function loadOrCreateSigningKeySecret(dataFolder: string, log: WarningLogger): Promise<string> {
  const file = path.join(path.resolve(dataFolder), 'signing-key-secret');
  try {
    return (await readSecretFile(file)) ?? (await createSecretFile(file, generateSecret()));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && UNWRITABLE_CODES.has(error.code))) throw error;
    log.warn(
      { folder: dataFolder },
      'could not store the secret of the signing keys in this folder; the next start will sign with another key',
    );
    return generateSecret();
  }
}
