import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { PrivateJwk } from '../core/private-jwk.ts';
import type { WrittenLimit } from '../core/written-limit.ts';

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
    limits: p.json<readonly WrittenLimit[]>(),
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
    limits: p.json<readonly WrittenLimit[]>(),
    /** Its own beside the plan's. */
    features: p.json<readonly string[]>(),
    disabled: p.boolean(),
    /** Null: never. */
    expireTime: p.datetime().nullable().strictNullable(),
    /** When a rotated key ends; null: it was not rotated. Kept apart from its own expiry, which its successors have. */
    overlapEndTime: p.datetime().nullable().strictNullable(),
    /** Set: deleted. The row stays, because usage and audit refer to it. */
    deleteTime: p.datetime().nullable().strictNullable(),
    version: p.integer().version(),
    ...times,
  },
});
export type ApiKeyEntity = InferEntity<typeof ApiKeyEntity>;

/** Signs access tokens, on all nodes. Kept in the clear: whoever reads this table can sign in as anybody. */
export const SigningKeyEntity = defineEntity({
  name: 'SigningKeyEntity',
  tableName: 'signing_key',
  properties: {
    id: p.text().primary(),
    privateJwk: p.json<PrivateJwk>().hidden(),
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

/** The change feed; rows are written by triggers only. */
export const CatalogChangeEntity = defineEntity({
  name: 'CatalogChangeEntity',
  tableName: 'catalog_change',
  properties: {
    id: p.bigint('string').primary().autoincrement(),
    /** The transaction that made the change: what a reader compares with the snapshot it read last. */
    transactionId: p.string().columnType('xid8'),
    entity: p.string().$type<'plan' | 'account' | 'api_key'>(),
    entityId: p.text(),
    createTime: p.datetime(),
  },
});

export const entities = [PlanEntity, AccountEntity, ApiKeyEntity, SigningKeyEntity, SessionEntity, CatalogChangeEntity];
