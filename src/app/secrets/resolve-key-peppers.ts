import path from 'node:path';
import type { Config } from '../../config/config.ts';
import { formerPeppers } from '../../config/formats.ts';
import type { KeyPeppers } from '../../domain/credentials/key-peppers.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { createSecretFile, generateSecret, readSecretFile } from './secret-file.ts';

/**
 * Returns the peppers of API keys. With the embedded Postgres, the file `key-pepper` in the data folder keeps a generated
 * one for nodes that do not configure KEY_PEPPER. Where one is configured, those of the file are former ones.
 * `isNewCluster` says whether this start has created the embedded Postgres; undefined: there is none. Throws if the file
 * cannot be read or written, is a link, or holds no peppers.
 */
export async function resolveKeyPeppers(
  { keyPepper, formerKeyPeppers, dataDir }: Config,
  isNewCluster: boolean | undefined,
  log: Logger,
): Promise<KeyPeppers> {
  if (isNewCluster === undefined) return { current: keyPepper ?? '', former: formerKeyPeppers };
  const file = path.join(path.resolve(dataDir), 'key-pepper');
  const stored = await readSecretFile(file);
  if (keyPepper === undefined) {
    const [current = '', ...former] = parsePeppers(file, stored ?? (await createFile(file, isNewCluster, log)));
    return { current, former };
  }
  const former = [...formerKeyPeppers, ...(stored === undefined ? [] : parsePeppers(file, stored))];
  return { current: keyPepper, former: [...new Set(former)].filter((pepper) => pepper !== keyPepper) };
}

/** Keys of a database that already exists may have been created without a pepper. */
async function createFile(file: string, isNewCluster: boolean, log: Logger): Promise<string> {
  const text = await createSecretFile(file, isNewCluster ? generateSecret() : `${generateSecret()}\nnone`);
  if (isNewCluster) log.info({ file }, 'created a pepper for API keys; back this file up together with the database');
  else {
    log.warn(
      { file },
      'created a pepper for the API keys of an existing database; keys without a pepper still work, but keys that were ' +
        'created with a pepper which is lost do not',
    );
  }
  return text;
}

/** The file has the format of KEY_PEPPER_PREVIOUS, and the current pepper first. */
function parsePeppers(file: string, text: string): readonly string[] {
  const { data: peppers, error } = formerPeppers.safeParse(text);
  if (peppers === undefined) throw new Error(`${file}: ${error.issues.map(({ message }) => message).join('; ')}`);
  if (peppers[0] === '') throw new Error(`${file}: must begin with a pepper (got "none")`);
  return peppers;
}
