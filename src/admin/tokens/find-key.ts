import { isApiKey } from '../../domain/credentials/api-key.ts';
import type { DescribedKey } from '../../domain/credentials/described-key.ts';
import { hasImportedKeyLength } from '../../domain/credentials/imported-key.ts';
import type { CredentialCatalog } from './token-info-options.ts';

/**
 * Finds a key in the memory of the process that decides, so that guessing costs no query. undefined: no key has this
 * secret; it may be a JWT.
 */
export async function findKey(secret: string, credentials: CredentialCatalog): Promise<DescribedKey | undefined> {
  const canBeKey = isApiKey(secret) || hasImportedKeyLength(secret);
  return canBeKey ? credentials.findKey(secret) : undefined;
}
