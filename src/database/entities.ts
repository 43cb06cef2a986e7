import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { PlanLimitSpec } from '../domain/limits/plan-limit.ts';
import type { ClaimNamesSpec, JsonWebKey, JsonWebKeySet } from '../domain/tokens/issuer.ts';

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
    /** Also the etag: an update of another version than the one that was read is refused. */
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
    /** In lower case: one address is one account, however it is typed. */
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
    /** What its requests are counted by: a rotated key goes on with the budget of the one before. */
    counterId: p.text(),
    displayName: p.text(),
    accountId: p.text(),
    /** Null: the plan of the account. */
    planId: p.text().nullable().strictNullable(),
    /** In CIDR notation; none: from everywhere. */
    allowedNetworks: p.json<readonly string[]>(),
    /** Its own beside the plan's. */
    limits: p.json<readonly PlanLimitSpec[]>(),
    /** Its own beside the plan's. */
    features: p.json<readonly string[]>(),
    disabled: p.boolean(),
    /** Null: never. */
    expireTime: p.datetime().nullable().strictNullable(),
    /** When a rotated key ends; null: it was not rotated. Kept apart from its own expiry, which its successors have. */
    overlapEndTime: p.datetime().nullable().strictNullable(),
    /** Set: deleted. The row stays, because usage and audit refer to it. */
    deleteTime: p.datetime().nullable().strictNullable(),
    /** To the minute; null: never. Written beside the entity, so that it makes no other version of it. */
    lastUsedTime: p.datetime().nullable().strictNullable(),
    version: p.integer().version(),
    ...times,
  },
});
export type ApiKeyEntity = InferEntity<typeof ApiKeyEntity>;

/** Signs tokens of our own, on all nodes that write the catalog; its public part is known to all nodes. */
export const SigningKeyEntity = defineEntity({
  name: 'SigningKeyEntity',
  tableName: 'signing_key',
  properties: {
    id: p.text().primary(),
    /** As an earlier version kept it, in the clear: whoever reads it can sign in as anybody. */
    privateJwk: p.json<JsonWebKey>().nullable().strictNullable().hidden(),
    algorithm: p.text().default('EdDSA'),
    /** Null: it stands in `private_jwk`, or the algorithm has none. */
    publicJwk: p.json<JsonWebKey>().nullable().strictNullable(),
    /** The private key, encrypted with a key that is not in this database. */
    sealedJwk: p.text().nullable().strictNullable().hidden(),
    /** From when on it signs, as long as no newer one does; null: from when it was made. */
    activateTime: p.datetime().nullable().strictNullable(),
    /** Until when what it signed is accepted; null: until another is to take its place. */
    expireTime: p.datetime().nullable().strictNullable(),
    /** When the last stateless token that it signed expires; null: it signed none. Access tokens do not live long. */
    lastTokenExpireTime: p.datetime().nullable().strictNullable(),
    createTime: p.datetime().onCreate(() => new Date()),
  },
});
export type SigningKeyEntity = InferEntity<typeof SigningKeyEntity>;

/** Who else may sign tokens, and what their claims mean here. */
export const IssuerEntity = defineEntity({
  name: 'IssuerEntity',
  tableName: 'issuer',
  properties: {
    id: p.text().primary(),
    displayName: p.text(),
    /** The claim `iss` of its tokens. */
    issuer: p.text().unique(),
    audiences: p.json<readonly string[]>(),
    algorithms: p.json<readonly string[]>(),
    /** Null: its keys are at `jwks_uri`, or where OIDC discovery tells if that is null too. */
    jwks: p.json<JsonWebKeySet>().nullable().strictNullable(),
    jwksUri: p.text().nullable().strictNullable(),
    claims: p.json<ClaimNamesSpec>(),
    /** Of accounts whose token and whose catalog entry name no plan; null: such tokens are refused. */
    defaultPlanId: p.text().nullable().strictNullable(),
    /** Its accounts are those of the catalog; false: they are its own, named after it. */
    catalogAccounts: p.boolean(),
    disabled: p.boolean(),
    version: p.integer().version(),
    ...times,
  },
});
export type IssuerEntity = InferEntity<typeof IssuerEntity>;

/** Tokens that are refused although their signature is good and their time has not come. */
export const RevocationEntity = defineEntity({
  name: 'RevocationEntity',
  tableName: 'revocation',
  properties: {
    id: p.text().primary(),
    /** Null: of tokens of our own. */
    issuerId: p.text().nullable().strictNullable(),
    kind: p.string().$type<'token' | 'session' | 'account'>(),
    /** The claim `jti`, the session's id or the account's. */
    value: p.text(),
    /** Of an account's tokens those that were issued before; null: all that it names. */
    issuedBefore: p.datetime().nullable().strictNullable(),
    /** When the last token that it names has expired by itself. */
    expireTime: p.datetime(),
    createTime: p.datetime().onCreate(() => new Date()),
  },
});

/** A family of refresh tokens, begun by one sign-in. */
export const SessionEntity = defineEntity({
  name: 'SessionEntity',
  tableName: 'session',
  properties: {
    id: p.text().primary(),
    accountId: p.text(),
    /** Of the part that all tokens of the family have in common. */
    familyDigest: p.blob().unique().hidden(),
    /** Of the one token that works now. */
    tokenDigest: p.blob().hidden(),
    expireTime: p.datetime(),
    /** Set: ended, no token of the family works any more. */
    endTime: p.datetime().nullable().strictNullable(),
    ...times,
  },
});
export type SessionEntity = InferEntity<typeof SessionEntity>;

/** The tables whose changes the feed tells. */
type CatalogTable = 'plan' | 'account' | 'api_key' | 'issuer' | 'signing_key' | 'revocation';

/** The change feed; rows are written by triggers only. */
export const CatalogChangeEntity = defineEntity({
  name: 'CatalogChangeEntity',
  tableName: 'catalog_change',
  properties: {
    id: p.bigint('string').primary().autoincrement(),
    /** The transaction that made the change: what a reader compares with the snapshot it read last. */
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
  RevocationEntity,
  SessionEntity,
  CatalogChangeEntity,
];
