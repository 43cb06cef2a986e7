import { SigningKeyRing } from '../../admin/signing-keys/signing-key-ring.ts';
import type { Config } from '../../config/config.ts';
import type { Database } from '../../database/open-database.ts';
import { createSealer } from '../../identity/issue-tokens/key-sealer.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { loadOrCreateSigningKeySecret } from '../secrets/signing-key-secret.ts';

/** The keys that sign tokens on this node, and the secret that seals them. */
export interface TokenSigning {
  readonly keys: SigningKeyRing;
  readonly secret: string;
  /** Whether all nodes have the secret: it is configured, or there is no other node because Postgres is embedded. */
  readonly isSecretShared: boolean;
}

/** Creates the signing keys of a node that writes the catalog. They sign once `keys.start` has succeeded. */
export async function createTokenSigning(
  { tokens, signingKeySecret, dataDir, databaseUrl }: Config,
  database: Database,
  log: Logger,
  resources: AsyncDisposableStack,
): Promise<TokenSigning> {
  const { issuer, algorithm, keyRotationSeconds, accessTokenSeconds } = tokens;
  const secret = signingKeySecret ?? (await loadOrCreateSigningKeySecret(dataDir, log));
  const keys = new SigningKeyRing({
    database,
    sealer: createSealer(secret),
    algorithm,
    issuer,
    rotationSeconds: keyRotationSeconds,
    accessTokenSeconds,
    log,
  });
  resources.defer(() => keys.stop());
  return { keys, secret, isSecretShared: signingKeySecret !== undefined || databaseUrl === undefined };
}
