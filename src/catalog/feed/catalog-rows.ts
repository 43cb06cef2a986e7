import type { ApiKeyPolicySpec } from '../../domain/credentials/api-key-policy.ts';
import type { PlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import type { IssuerSpec } from '../../domain/tokens/issuer.ts';
import type { JsonWebKey } from '../../domain/tokens/issuer-keys.ts';

/** The current state of one entity of the catalog, as it is read from Postgres; `record` null: there is none any more. */
export type CatalogEntry =
  | { readonly entity: 'plan'; readonly id: string; readonly record: PlanRow | null }
  | { readonly entity: 'account'; readonly id: string; readonly record: AccountRow | null }
  | { readonly entity: 'api_key'; readonly id: string; readonly record: KeyRow | null }
  | { readonly entity: 'issuer'; readonly id: string; readonly record: IssuerRow | null }
  | { readonly entity: 'signing_key'; readonly id: string; readonly record: SigningKeyRow | null }
  | { readonly entity: 'revocation'; readonly id: string; readonly record: RevocationRow | null };

export interface PlanRow {
  readonly limits: readonly PlanLimitSpec[];
  readonly features: readonly string[];
}

export interface AccountRow {
  readonly planId: string;
}

export interface KeyRow {
  /** In hex. */
  readonly digest: string;
  readonly counterId: string;
  readonly accountId: string;
  readonly planId: string | null;
  readonly disabled: boolean;
  /** Null: none, as nearly all keys. */
  readonly conditions: ApiKeyPolicySpec | null;
  /** Unix time in ms. */
  readonly expiresAt: number | null;
}

export interface IssuerRow extends IssuerSpec {
  readonly disabled: boolean;
}

export interface SigningKeyRow {
  readonly algorithm: string;
  /** Null: the algorithm has none. */
  readonly publicJwk: JsonWebKey | null;
  /** Of an algorithm that has no public key: the secret, encrypted. */
  readonly sealedJwk: string | null;
  /** Unix time in ms. */
  readonly expiresAt: number | null;
}

export interface RevocationRow {
  readonly issuerId: string | null;
  readonly kind: 'token' | 'session' | 'account';
  readonly value: string;
  /** Unix time in ms. */
  readonly issuedBefore: number | null;
}
