import { hash } from 'node:crypto';
import type { CatalogEntity, RowOf } from './catalog-rows.ts';

/** For each entity, the SQL expression of every field of its row. The compiler holds the names to the row types. */
const ROW_COLUMNS: { readonly [Entity in CatalogEntity]: Readonly<Record<keyof RowOf<Entity>, string>> } = {
  plan: {
    limits: 'limits',
    features: 'features',
    maxDevices: 'max_devices',
    supersededLimits: 'superseded_limits',
  },
  account: {
    planId: 'plan_id',
    disabled: 'disabled',
    blockEndsAt: toUnixMs('block_expire_time'),
    supersededPlanLimits: `nullif(superseded_plan_limits, '[]')`,
  },
  api_key: {
    digest: `encode(digest, 'hex')`,
    imported: 'imported',
    counterId: 'counter_id',
    accountId: 'account_id',
    planId: 'plan_id',
    disabled: 'disabled',
    policy: `case when limits <> '[]' or allowed_networks <> '[]' or features <> '[]'
        or superseded_limits <> '[]' or superseded_plan_limits <> '[]' then
      jsonb_build_object('limits', limits, 'allowedNetworks', allowed_networks, 'features', features,
        'supersededLimits', superseded_limits, 'supersededPlanLimits', superseded_plan_limits)
    end`,
    expiresAt: toUnixMs('least(expire_time, overlap_end_time)'),
  },
  issuer: {
    issuer: 'issuer',
    issuerAliases: 'issuer_aliases',
    audiences: 'audiences',
    audienceClaim: 'audience_claim',
    requiredClaims: 'required_claims',
    algorithms: 'algorithms',
    jwks: 'jwks',
    jwksUri: 'jwks_uri',
    insecureHttp: 'insecure_http',
    claims: 'claims',
    defaultPlanId: 'default_plan_id',
    catalogAccounts: 'catalog_accounts',
    disabled: 'disabled',
  },
  signing_key: {
    algorithm: 'algorithm',
    publicJwk: `coalesce(public_jwk, private_jwk - 'd')`,
    sealedJwk: `case when algorithm like 'HS%' then sealed_jwk end`,
    expiresAt: toUnixMs('expire_time'),
  },
  revocation: {
    issuerId: 'issuer_id',
    kind: 'kind',
    value: 'value',
    issuedBefore: toUnixMs('issued_before'),
    expiresAt: toUnixMs('expire_time'),
  },
  receipt_key: {
    secret: `encode(secret, 'hex')`,
    createdAt: toUnixMs('create_time'),
  },
  device: {
    blocked: 'blocked',
    createdAt: toUnixMs('create_time'),
  },
};

/** For each table, the SQL condition of the rows that are not deleted. */
export const LIVE_ROWS = {
  plan: 'true',
  account: 'delete_time is null',
  api_key: 'delete_time is null',
  issuer: 'true',
  signing_key: 'true',
  revocation: 'true',
  receipt_key: 'true',
  device: 'true',
} as const satisfies Record<CatalogEntity, string>;

/** The tables of the catalog. Accounts come before the keys that refer to them. */
export const CATALOG_TABLES = [
  'plan',
  'account',
  'api_key',
  'issuer',
  'signing_key',
  'revocation',
  'receipt_key',
  'device',
] as const;

/** Returns the tables that a node follows. One that does not look devices up need not hold them. */
export function listFollowedTables(followsDevices: boolean): readonly CatalogEntity[] {
  return followsDevices ? CATALOG_TABLES : CATALOG_TABLES.filter((table) => table !== 'device');
}

/** Returns the fields of the rows of a table, each with the SQL expression that reads it. */
export function listColumns(table: CatalogEntity): readonly { readonly field: string; readonly expression: string }[] {
  return Object.entries(ROW_COLUMNS[table]).map(([field, expression]) => ({ field, expression }));
}

/** Returns the select list that reads the rows of a table. */
export function selectColumns(table: CatalogEntity): string {
  return listColumns(table)
    .map(({ field, expression }) => `${expression} as "${field}"`)
    .join(', ');
}

/** Identifies the fields of the rows of some tables and what they mean. Another version of Weir may have others. */
export function identifyRowFormat(tables: readonly CatalogEntity[]): string {
  return hash('sha256', tables.map((table) => `${table}: ${selectColumns(table)}`).join('\n'));
}

/** Returns the SQL expression of a time in Unix ms. */
function toUnixMs(time: string): string {
  return `(extract(epoch from ${time}) * 1000)::bigint`;
}
