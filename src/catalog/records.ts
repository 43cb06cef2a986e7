import type { WrittenConditions } from '../core/key-conditions.ts';
import type { WrittenLimit } from '../core/written-limit.ts';

/** The current state of one entity of the catalog, as it is read from Postgres; `record` null: there is none any more. */
export type CatalogEntry =
  | { readonly entity: 'plan'; readonly id: string; readonly record: PlanRow | null }
  | { readonly entity: 'account'; readonly id: string; readonly record: AccountRow | null }
  | { readonly entity: 'api_key'; readonly id: string; readonly record: KeyRow | null };

export interface PlanRow {
  readonly limits: readonly WrittenLimit[];
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
  readonly conditions: WrittenConditions | null;
  /** Unix time in ms. */
  readonly expiresAt: number | null;
}
