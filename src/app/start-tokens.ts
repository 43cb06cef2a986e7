import { type SigningKeyRing, startSigningKeyRing } from '../admin/signing-keys/signing-key-ring.ts';
import type { Config } from '../config/config.ts';
import type { Database } from '../database/open-database.ts';
import type { TokenTrust } from '../domain/tokens/token.ts';
import { createSealer, type Sealer } from '../identity/issue-tokens/key-sealer.ts';
import { loadOrCreateSecret } from '../identity/secrets/secret-file.ts';
import { CachingTokenVerifier } from '../identity/verify-tokens/caching-token-verifier.ts';
import type { Logger } from '../interfaces/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** The keys that sign tokens on this node, and their sealer. */
export interface TokenSigning {
  readonly keys: SigningKeyRing;
  readonly sealer: Sealer;
}

/** Starts to keep signing keys, on a node that writes the catalog. */
export async function startTokenSigning(
  { tokens, signingKeySecret, dataDir }: Config,
  database: Database,
  log: Logger,
  resources: AsyncDisposableStack,
): Promise<TokenSigning> {
  const { algorithm, keyRotationSeconds, accessTokenSeconds } = tokens;
  const sealer = createSealer(signingKeySecret ?? (await loadOrCreateSecret(dataDir, log)));
  const keys = await startSigningKeyRing({
    database,
    sealer,
    algorithm,
    rotationSeconds: keyRotationSeconds,
    accessTokenSeconds,
    log,
  });
  resources.defer(() => keys.stop());
  return { keys, sealer };
}

export interface TokenVerificationParts {
  readonly catalog: { readonly trust: TokenTrust };
  /** undefined: this node does not sign. */
  readonly signing: TokenSigning | undefined;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/**
 * Starts to verify tokens. Verifying HS256 takes the secret that sealed the key, because one key both signs and
 * verifies. A node that does not sign has it only if it is configured.
 */
export function startTokenVerification(
  { signingKeySecret, maxTokenBytes, insecureHttpIssuerHosts }: Config,
  { catalog, signing, metrics, log }: TokenVerificationParts,
  resources: AsyncDisposableStack,
): CachingTokenVerifier {
  const sealer = signing?.sealer ?? (signingKeySecret === undefined ? undefined : createSealer(signingKeySecret));
  const verifier = new CachingTokenVerifier({
    trustSource: catalog,
    openKey: (key) => (key.sealedJwk === undefined ? undefined : sealer?.open(key, key.sealedJwk)),
    log,
    insecureHosts: insecureHttpIssuerHosts,
    maxTokenBytes,
    onRejected: metrics.recordRejectedToken,
  });
  resources.defer(() => verifier.close());
  return verifier;
}
