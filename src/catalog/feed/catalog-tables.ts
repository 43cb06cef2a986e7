import type { CatalogEntry } from './catalog-rows.ts';

/** Each entity's current state, field by field, by its table's columns. */
const RECORDS: Readonly<Record<CatalogEntry['entity'], Readonly<Record<string, string>>>> = {
  plan: { limits: 'limits', features: 'features' },
  account: { planId: 'plan_id' },
  api_key: {
    digest: `encode(digest, 'hex')`,
    counterId: 'counter_id',
    accountId: 'account_id',
    planId: 'plan_id',
    disabled: 'disabled',
    conditions: `case when limits <> '[]' or allowed_networks <> '[]' or features <> '[]' then
      jsonb_build_object('limits', limits, 'allowedNetworks', allowed_networks, 'features', features)
    end`,
    expiresAt: milliseconds('least(expire_time, overlap_end_time)'),
  },
  issuer: {
    issuer: 'issuer',
    audiences: 'audiences',
    algorithms: 'algorithms',
    jwks: 'jwks',
    jwksUri: 'jwks_uri',
    claims: 'claims',
    defaultPlanId: 'default_plan_id',
    catalogAccounts: 'catalog_accounts',
    disabled: 'disabled',
  },
  signing_key: {
    algorithm: 'algorithm',
    publicJwk: `coalesce(public_jwk, private_jwk - 'd')`,
    sealedJwk: `case when algorithm like 'HS%' then sealed_jwk end`,
    expiresAt: milliseconds('expire_time'),
  },
  revocation: {
    issuerId: 'issuer_id',
    kind: 'kind',
    value: 'value',
    issuedBefore: milliseconds('issued_before'),
  },
};

/** Of its rows those that there still are. */
export const LIVE = {
  plan: 'true',
  account: 'true',
  api_key: 'delete_time is null',
  issuer: 'true',
  signing_key: 'true',
  revocation: 'true',
} as const satisfies Record<CatalogEntry['entity'], string>;

/** Accounts come before the keys that refer to them. */
export const TABLES = ['plan', 'account', 'api_key', 'issuer', 'signing_key', 'revocation'] as const;

/** An entity's current state as columns, to be selected from its table. */
export function columnsOf(table: CatalogEntry['entity']): string {
  const fields = Object.entries(RECORDS[table]).map(([name, value]) => `${value} as "${name}"`);
  return fields.join(', ');
}

/** Unix time in ms, of SQL that gives a time. */
function milliseconds(time: string): string {
  return `(extract(epoch from ${time}) * 1000)::bigint`;
}
