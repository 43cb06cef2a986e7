import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { ClaimNamesSpec } from '../../domain/issuers/issuer.ts';
import type { JsonWebKeySet } from '../../domain/issuers/issuer-keys.ts';
import { times } from './entity-times.ts';

/** An external issuer that may sign tokens, and the meaning of its claims. */
export const IssuerEntity = defineEntity({
  name: 'IssuerEntity',
  tableName: 'issuer',
  properties: {
    id: p.text().primary(),
    displayName: p.text(),
    /** The `iss` claim of its tokens. */
    issuer: p.text().unique(),
    /** Other `iss` claims of its tokens. */
    issuerAliases: p.json<readonly string[]>(),
    audiences: p.json<readonly string[]>(),
    /** The claim that must contain one of the audiences. */
    audienceClaim: p.text(),
    /** Required values, by claim path. */
    requiredClaims: p.json<Readonly<Record<string, string>>>(),
    algorithms: p.json<readonly string[]>(),
    /** Null: its keys are at `jwks_uri`, or, if that is null as well, where OIDC discovery says. */
    jwks: p.json<JsonWebKeySet>().nullable().strictNullable(),
    jwksUri: p.text().nullable().strictNullable(),
    /** Whether its keys may be fetched over plain http. */
    insecureHttp: p.boolean(),
    claims: p.json<ClaimNamesSpec>(),
    /** The plan if neither token nor catalog names one; null: such tokens are denied. */
    defaultPlanId: p.text().nullable().strictNullable(),
    /** Whether its accounts are those of the catalog; false: they are its own, named after it. */
    catalogAccounts: p.boolean(),
    disabled: p.boolean(),
    version: p.integer().version(),
    ...times,
  },
});
export type IssuerEntity = InferEntity<typeof IssuerEntity>;

/** An `iss` claim that is taken. Only a trigger on `issuer` writes these rows; they make aliases unique as well. */
export const IssuerIssEntity = defineEntity({
  name: 'IssuerIssEntity',
  tableName: 'issuer_iss',
  properties: {
    iss: p.text().primary(),
    issuerId: p.text(),
  },
});
