import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { SupersededLimitSpec } from '../../domain/limits/superseded-limit.ts';
import { times } from './entity-times.ts';

export const AccountEntity = defineEntity({
  name: 'AccountEntity',
  tableName: 'account',
  properties: {
    id: p.text().primary(),
    /**
     * In lower case, so that one address is one account, however it is typed. Null: the account has none, because its
     * holder signs in elsewhere or because it is deleted.
     */
    email: p.text().unique().nullable().strictNullable(),
    /** Null: nobody can sign in with a password. */
    passwordHash: p.text().nullable().strictNullable().hidden(),
    displayName: p.text().default(''),
    role: p.string().$type<'admin' | 'user'>(),
    planId: p.text(),
    /** Limits of the plans that it had before. Decisions count against those whose counters may still have hits. */
    supersededPlanLimits: p.json<readonly SupersededLimitSpec[]>().default([]),
    /** A disabled account can neither sign in nor use its keys and tokens. */
    disabled: p.boolean().default(false),
    disableReason: p.text().default(''),
    /** Until when the data plane denies the keys and tokens of the account; null: it never did. */
    blockExpireTime: p.datetime().nullable().strictNullable(),
    blockReason: p.text().default(''),
    emailVerified: p.boolean().default(false),
    /** The address that replaces `email` once the holder has verified it; null: no change waits for that. */
    pendingEmail: p.text().nullable().strictNullable(),
    /**
     * Until when the holder must verify the address, for an account that signed up where this comes first. Nobody can
     * sign in to it before. Null: the account does not wait.
     */
    verifyBeforeTime: p.datetime().nullable().strictNullable(),
    /** The secret of the second factor. Null: there is none. Without `totpEnableTime`, nobody has confirmed it. */
    sealedTotpSecret: p.text().nullable().strictNullable().hidden(),
    /** Since when a sign-in needs a code; null: it needs none. */
    totpEnableTime: p.datetime().nullable().strictNullable(),
    /** The step of 30 s of the last code that was used, since 1970. Later codes alone work. Written by SQL. */
    totpLastStep: p.integer().nullable().strictNullable(),
    /** Written by SQL and not through the entity, so that `version` stays the same. */
    lastSignInTime: p.datetime().nullable().strictNullable(),
    /** Null: not deleted. The rows of deleted accounts stay, because keys, usage and audit refer to them. */
    deleteTime: p.datetime().nullable().strictNullable(),
    /** Also the etag. An update fails if the row has another version than the one that was read. */
    version: p.integer().version(),
    ...times,
  },
});
export type AccountEntity = InferEntity<typeof AccountEntity>;
