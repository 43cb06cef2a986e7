import type { ApiKeyPolicySpec } from '../../domain/credentials/api-key-policy.ts';
import type { IssuerSpec } from '../../domain/issuers/issuer.ts';
import type { JsonWebKey } from '../../domain/issuers/issuer-keys.ts';
import type { PlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import type { SupersededLimitSpec } from '../../domain/limits/superseded-limit.ts';

/** The current state of one entity of the catalog, as read from Postgres. A `record` of null: the entity is deleted. */
export type CatalogEntry =
  | { readonly entity: 'plan'; readonly id: string; readonly record: PlanRow | null }
  | { readonly entity: 'account'; readonly id: string; readonly record: AccountRow | null }
  | { readonly entity: 'api_key'; readonly id: string; readonly record: ApiKeyRow | null }
  | { readonly entity: 'issuer'; readonly id: string; readonly record: IssuerRow | null }
  | { readonly entity: 'signing_key'; readonly id: string; readonly record: SigningKeyRow | null }
  | { readonly entity: 'revocation'; readonly id: string; readonly record: RevocationRow | null }
  | { readonly entity: 'receipt_key'; readonly id: string; readonly record: ReceiptKeyRow | null }
  | { readonly entity: 'device'; readonly id: string; readonly record: DeviceRow | null };

export type CatalogEntity = CatalogEntry['entity'];

/** The row type of one entity. */
export type RowOf<Entity extends CatalogEntity> = NonNullable<Extract<CatalogEntry, { entity: Entity }>['record']>;

export interface PlanRow {
  readonly limits: readonly PlanLimitSpec[];
  readonly features: readonly string[];
  /** 0: no bound. */
  readonly maxDevices: number;
  readonly supersededLimits: readonly SupersededLimitSpec[];
}

export interface AccountRow {
  readonly planId: string;
  readonly disabled: boolean;
  /** Unix time in ms; null: the account was never blocked. */
  readonly blockEndsAt: number | null;
  /** Limits of its plans from before; null: there are none, as for nearly all accounts. */
  readonly supersededPlanLimits: readonly SupersededLimitSpec[] | null;
}

export interface ApiKeyRow {
  /** In hex. */
  readonly digest: string;
  /** Whether another service issued the key. The digest is then that of its SHA-256 in hex. */
  readonly imported: boolean;
  readonly counterId: string;
  readonly accountId: string;
  /** null: the key is on its account's plan. */
  readonly planId: string | null;
  readonly disabled: boolean;
  /** null: the key has no policy of its own, like nearly all keys. */
  readonly policy: ApiKeyPolicySpec | null;
  /** Unix time in ms; null: the key never expires. */
  readonly expiresAt: number | null;
}

export interface IssuerRow extends IssuerSpec {
  readonly disabled: boolean;
}

export interface SigningKeyRow {
  readonly algorithm: string;
  /** null: the algorithm has no public keys. */
  readonly publicJwk: JsonWebKey | null;
  /** For an algorithm without public keys: the encrypted secret; null for all others. */
  readonly sealedJwk: string | null;
  /** Unix time in ms; null: the key does not expire yet. */
  readonly expiresAt: number | null;
}

export interface ReceiptKeyRow {
  /** In hex. */
  readonly secret: string;
  /** Unix time in ms. */
  readonly createdAt: number;
}

/** The id is that of `formatDeviceKey`. */
export interface DeviceRow {
  readonly blocked: boolean;
  /** Unix time in ms. */
  readonly createdAt: number;
}

export interface RevocationRow {
  /** null: the revocation applies to tokens that Weir issued. */
  readonly issuerId: string | null;
  readonly kind: 'token' | 'session' | 'account';
  readonly value: string;
  /** Unix time in ms; null: the revocation applies to all of the account's tokens. */
  readonly issuedBefore: number | null;
  /** Unix time in ms when the last token that it covers expires. */
  readonly expiresAt: number;
}
