import type { KeyPeppers } from '../domain/credentials/key-peppers.ts';
import { createApiKeyDigester } from '../identity/secrets/api-key-secret.ts';

/** How API keys are found, for the catalog and for the services that create keys. */
export function createApiKeyOptions({ current, former }: KeyPeppers, acceptsImportedKeys: boolean) {
  return {
    digest: createApiKeyDigester(current),
    formerDigests: former.map((pepper) => createApiKeyDigester(pepper)),
    acceptsImportedKeys,
  };
}
