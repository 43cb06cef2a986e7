import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { JsonWebKey } from '../../domain/issuers/issuer-keys.ts';

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

/** A stateless token with a role that is in force. Triggers delete the row when the token is revoked. */
export const IssuedTokenEntity = defineEntity({
  name: 'IssuedTokenEntity',
  tableName: 'issued_token',
  properties: {
    /** The `jti` claim. */
    id: p.text().primary(),
    account: p.text(),
    role: p.string().$type<'admin'>(),
    /** The account that issued it: its id, or its name at an external issuer. */
    issuedBy: p.text(),
    createTime: p.datetime(),
    expireTime: p.datetime(),
  },
});
