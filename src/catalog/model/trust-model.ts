import type { TokenTrust, VerifiedToken } from '../../domain/tokens/token.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { CatalogEntry } from '../feed/catalog-rows.ts';
import { Revocations } from './revocations.ts';
import { TrustedSigners } from './trusted-signers.ts';

/** The part of the catalog that says which tokens are accepted. */
export class TrustModel {
  readonly #revocations = new Revocations();
  readonly #signers: TrustedSigners;

  constructor(log: Logger) {
    this.#signers = new TrustedSigners(log);
  }

  get trust(): TokenTrust {
    return this.#signers.trust;
  }

  isRevoked(token: VerifiedToken): boolean {
    return this.#revocations.has(token);
  }

  /** Applies an issuer, a signing key or a revocation. Ignores all other entities. */
  apply(entry: CatalogEntry): void {
    if (entry.entity === 'issuer') this.#signers.applyIssuer(entry.id, entry.record);
    else if (entry.entity === 'signing_key') this.#signers.applyKey(entry.id, entry.record);
    else if (entry.entity === 'revocation') this.#revocations.apply(entry.id, entry.record);
  }
}
