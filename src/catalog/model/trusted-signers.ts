import { type Issuer, parseIssuer } from '../../domain/issuers/issuer.ts';
import type { TokenTrust, VerificationKey } from '../../domain/tokens/token.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { IssuerRow, SigningKeyRow } from '../feed/catalog-rows.ts';

/** The issuers and keys of the catalog whose signatures are trusted. */
export class TrustedSigners {
  /** Without disabled issuers. */
  readonly #issuers = new Map<string, Issuer>();
  readonly #keys = new Map<string, VerificationKey>();
  readonly #log: Logger;
  /** undefined: something has changed since it was last asked for. */
  #trust: TokenTrust | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** The same object until something changes. */
  get trust(): TokenTrust {
    this.#trust ??= { issuers: [...this.#issuers.values()], keys: [...this.#keys.values()] };
    return this.#trust;
  }

  applyIssuer(id: string, row: IssuerRow | null): void {
    this.#trust = undefined;
    this.#issuers.delete(id);
    if (row === null || row.disabled) return;
    const issuer = parseIssuer(id, row);
    if (!('faults' in issuer)) this.#issuers.set(id, issuer);
    // Unlike with a plan, the last known version does not stay in force: it may have the keys or audiences that the
    // change was meant to remove.
    else this.#log.error({ issuer: id, faults: issuer.faults }, 'could not read an issuer; rejecting its tokens');
  }

  applyKey(id: string, row: SigningKeyRow | null): void {
    this.#trust = undefined;
    if (row === null) {
      this.#keys.delete(id);
      return;
    }
    const { algorithm, publicJwk, sealedJwk, expiresAt } = row;
    this.#keys.set(id, {
      id,
      algorithm,
      publicJwk: publicJwk ?? undefined,
      sealedJwk: sealedJwk ?? undefined,
      expiresAt: expiresAt ?? undefined,
    });
  }
}
