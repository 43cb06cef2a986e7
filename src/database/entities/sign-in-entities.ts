import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { UsedRefreshToken } from '../../domain/tokens/used-refresh-token.ts';
import { times } from './entity-times.ts';

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
    /** The tokens that were used lately: a repeated call with one of them gets the same answer. */
    usedRefreshTokens: p.json<readonly UsedRefreshToken[]>().hidden(),
    /** IP address of the client that signed in or refreshed last; empty: a version that did not store it started the session. */
    peer: p.text().default(''),
    /** Header `user-agent` of the same call. */
    userAgent: p.text().default(''),
    /** Null: the session was not refreshed yet. */
    lastRefreshTime: p.datetime().nullable().strictNullable(),
    expireTime: p.datetime(),
    /** Null: not ended. After the end no token of the family works any more. */
    endTime: p.datetime().nullable().strictNullable(),
    ...times,
  },
});
export type SessionEntity = InferEntity<typeof SessionEntity>;

export type OneTimeTokenKind = 'password_reset' | 'email_verification';

/** A secret that its holder can use once, instead of a password. */
export const OneTimeTokenEntity = defineEntity({
  name: 'OneTimeTokenEntity',
  tableName: 'one_time_token',
  properties: {
    tokenDigest: p.blob().primary().hidden(),
    kind: p.string().$type<OneTimeTokenKind>(),
    accountId: p.text(),
    /** The address that the token verifies; null: it verifies none. */
    email: p.text().nullable().strictNullable(),
    /**
     * The password of the sign-up that the token verifies. Later sign-ups with the same address have tokens of their own.
     * Null: the account did not wait for the verification when the token was created.
     */
    passwordHash: p.text().nullable().strictNullable().hidden(),
    expireTime: p.datetime(),
    /** Null: not used. */
    useTime: p.datetime().nullable().strictNullable(),
    createTime: p.datetime().onCreate(() => new Date()),
  },
});

/** A network from which somebody has signed in to an account. */
export const SignInNetworkEntity = defineEntity({
  name: 'SignInNetworkEntity',
  tableName: 'sign_in_network',
  properties: {
    accountId: p.text().primary(),
    /** An IPv4 address, or an IPv6 network of 64 bits. */
    network: p.text().primary(),
    /** The latest sign-in, to the hour. */
    signInTime: p.datetime(),
  },
});
