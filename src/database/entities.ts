import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { ClaimNamesSpec } from '../domain/issuers/issuer.ts';
import type { JsonWebKey, JsonWebKeySet } from '../domain/issuers/issuer-keys.ts';
import type { PlanLimitSpec } from '../domain/limits/plan-limit.ts';

const times = {
  createTime: p.datetime().onCreate(() => new Date()),
  updateTime: p
    .datetime()
    .onCreate(() => new Date())
    .onUpdate(() => new Date()),
};

export const PlanEntity = defineEntity({
  name: 'PlanEntity',
  tableName: 'plan',
  properties: {
    id: p.text().primary(),
    displayName: p.text(),
    limits: p.json<readonly PlanLimitSpec[]>(),
    features: p.json<readonly string[]>(),
    /** Also the etag. An update fails if the row has another version than the one that was read. */
    version: p.integer().version(),
    ...times,
  },
});
export type PlanEntity = InferEntity<typeof PlanEntity>;

export const AccountEntity = defineEntity({
  name: 'AccountEntity',
  tableName: 'account',
  properties: {
    id: p.text().primary(),
    /** In lower case, so that one address is one account, however it is typed. */
    email: p.text().unique(),
    passwordHash: p.text().hidden(),
    role: p.string().$type<'admin' | 'user'>(),
    planId: p.text(),
    ...times,
  },
});
export type AccountEntity = InferEntity<typeof AccountEntity>;

export const ApiKeyEntity = defineEntity({
  name: 'ApiKeyEntity',
  tableName: 'api_key',
  properties: {
    id: p.text().primary(),
    digest: p.blob().unique().hidden(),
    hint: p.text(),
    /** Identifies the counters of the key. The successor of a rotated key keeps it, and so continues its counters. */
    counterId: p.text(),
    displayName: p.text(),
    accountId: p.text(),
    /** Null: the plan of the account. */
    planId: p.text().nullable().strictNullable(),
    /** In CIDR notation. Empty: the key can be used from everywhere. */
    allowedNetworks: p.json<readonly string[]>(),
    /** The key's own limits, in addition to the plan's. */
    limits: p.json<readonly PlanLimitSpec[]>(),
    /** The key's own features, in addition to the plan's. */
    features: p.json<readonly string[]>(),
    disabled: p.boolean(),
    /** Null: the key does not expire. */
    expireTime: p.datetime().nullable().strictNullable(),
    /** When a rotated key stops working; null: not rotated. Apart from `expireTime`, which the successors inherit. */
    overlapEndTime: p.datetime().nullable().strictNullable(),
    /** Null: not deleted. The rows of deleted keys stay, because usage and audit refer to them. */
    deleteTime: p.datetime().nullable().strictNullable(),
    /** To the minute; null: never used. Written by SQL and not through the entity, so that `version` stays the same. */
    lastUsedTime: p.datetime().nullable().strictNullable(),
    version: p.integer().version(),
    ...times,
  },
});
export type ApiKeyEntity = InferEntity<typeof ApiKeyEntity>;

/** A key that signs Weir's own tokens, on all nodes that write the catalog. All nodes know its public part. */
export const SigningKeyEntity = defineEntity({
  name: 'SigningKeyEntity',
  tableName: 'signing_key',
  properties: {
    id: p.text().primary(),
    /** Plain text, as an earlier version stored it: anybody who reads it can sign in as anybody. Null: sealed. */
    privateJwk: p.json<JsonWebKey>().nullable().strictNullable().hidden(),
    algorithm: p.text().default('EdDSA'),
    /** Null: `private_jwk` contains it, or the algorithm has no public key. */
    publicJwk: p.json<JsonWebKey>().nullable().strictNullable(),
    /** The private key, encrypted with a secret that is not in this database. */
    sealedJwk: p.text().nullable().strictNullable().hidden(),
    /** When the key starts to sign, until a newer one does; null: at `create_time`. */
    activateTime: p.datetime().nullable().strictNullable(),
    /** Until when its signatures are accepted; null: no end is set, because no other key is to replace it. */
    expireTime: p.datetime().nullable().strictNullable(),
    /** When the last stateless token that it signed expires; null: it signed none. Access tokens are short-lived. */
    lastTokenExpireTime: p.datetime().nullable().strictNullable(),
    createTime: p.datetime().onCreate(() => new Date()),
  },
});
export type SigningKeyEntity = InferEntity<typeof SigningKeyEntity>;

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

/** Tokens that are denied although their signature is valid and they have not expired. */
export const RevocationEntity = defineEntity({
  name: 'RevocationEntity',
  tableName: 'revocation',
  properties: {
    id: p.text().primary(),
    /** Null: Weir's own tokens. */
    issuerId: p.text().nullable().strictNullable(),
    kind: p.string().$type<'token' | 'session' | 'account'>(),
    /** The `jti` claim, the id of the session, or the account. */
    value: p.text(),
    /** Of an account's tokens, only those that were issued before; null: all. */
    issuedBefore: p.datetime().nullable().strictNullable(),
    /** When the last revoked token has expired. The revocation is not needed any more then. */
    expireTime: p.datetime(),
    createTime: p.datetime().onCreate(() => new Date()),
  },
});

/** A sign-in and its family of refresh tokens. */
export const SessionEntity = defineEntity({
  name: 'SessionEntity',
  tableName: 'session',
  properties: {
    id: p.text().primary(),
    accountId: p.text(),
    /** Digest of the part that all refresh tokens of the family share. */
    familyDigest: p.blob().unique().hidden(),
    /** Digest of the only refresh token that works now. */
    tokenDigest: p.blob().hidden(),
    expireTime: p.datetime(),
    /** Null: not ended. After the end no token of the family works any more. */
    endTime: p.datetime().nullable().strictNullable(),
    ...times,
  },
});
export type SessionEntity = InferEntity<typeof SessionEntity>;

/** The tables whose changes the feed reports. */
type CatalogTable = 'plan' | 'account' | 'api_key' | 'issuer' | 'signing_key' | 'revocation';

/** The change feed. Only triggers write its rows, in the transaction of the change. */
export const CatalogChangeEntity = defineEntity({
  name: 'CatalogChangeEntity',
  tableName: 'catalog_change',
  properties: {
    id: p.bigint('string').primary().autoincrement(),
    /** The transaction that made the change. Readers compare it with the snapshot that they have read last. */
    transactionId: p.string().columnType('xid8'),
    entity: p.string().$type<CatalogTable>(),
    entityId: p.text(),
    createTime: p.datetime(),
  },
});

export const entities = [
  PlanEntity,
  AccountEntity,
  ApiKeyEntity,
  SigningKeyEntity,
  IssuerEntity,
  IssuerIssEntity,
  RevocationEntity,
  SessionEntity,
  CatalogChangeEntity,
];
