import type { Config } from '../config/config.ts';
import type { TokenTrust } from '../domain/tokens/token.ts';
import { createSealer } from '../identity/issue-tokens/key-sealer.ts';
import { CachingTokenVerifier } from '../identity/verify-tokens/caching-token-verifier.ts';
import type { Logger } from '../interfaces/logger.ts';
import type { Metrics } from '../telemetry/metrics/metrics.ts';

export interface TokenVerificationParts {
  readonly trustSource: { readonly trust: TokenTrust };
  /**
   * Sealed the secrets of HS256 keys, which both sign and verify; undefined: this node does not know it, and cannot verify
   * their tokens.
   */
  readonly signingKeySecret: string | undefined;
  /**
   * Whether the thread that verifies starts with the first token. It takes 20 MB. Callers of the admin API can wait for it, a
   * Check cannot.
   */
  readonly startsLazily: boolean;
  readonly metrics: Pick<Metrics, 'recordRejectedToken'>;
  readonly log: Logger;
}

/** Starts to verify tokens. */
export function startTokenVerification(
  { tokens, maxTokenBytes, insecureHttpIssuerHosts, privateIssuerHosts }: Config,
  { trustSource, signingKeySecret, startsLazily, metrics, log }: TokenVerificationParts,
  resources: AsyncDisposableStack,
): CachingTokenVerifier {
  const sealer = signingKeySecret === undefined ? undefined : createSealer(signingKeySecret);
  const verifier = new CachingTokenVerifier({
    trustSource,
    openKey: (key) => (key.sealedJwk === undefined ? undefined : sealer?.open(key, key.sealedJwk)),
    log,
    insecureHosts: insecureHttpIssuerHosts,
    privateHosts: privateIssuerHosts,
    ownIssuer: tokens.issuer,
    startsLazily,
    maxTokenBytes,
    onRejected: metrics.recordRejectedToken,
  });
  resources.defer(() => verifier.close());
  return verifier;
}
