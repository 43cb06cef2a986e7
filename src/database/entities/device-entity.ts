import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import { times } from './entity-times.ts';

/** A generated column with the day of a time. */
function dayInUtc(column: string): string {
  return `((${column} at time zone 'UTC')::date) stored`;
}

/** A device of an account, or of requests without a credential. */
export const DeviceEntity = defineEntity({
  name: 'DeviceEntity',
  tableName: 'device',
  properties: {
    /** See `formatDeviceKey`: the account and the id of the device. */
    id: p.text().primary(),
    /** See `encodeAccount`. Empty: requests without a credential. No reference: issuers have accounts of their own. */
    accountId: p.text(),
    displayName: p.text().default(''),
    blocked: p.boolean().default(false),
    blockReason: p.text().default(''),
    /** Whether an administrator has blocked it, so that its account cannot lift that. */
    blockedByAdmin: p.boolean().default(false),
    // The next five say how the device is used. Check writes them in batches by SQL, so `version` stays the same.
    requestCount: p.bigint('number').default(0),
    attemptCount: p.bigint('number').default(0),
    firstSeenTime: p.datetime().nullable().strictNullable(),
    lastSeenTime: p.datetime().nullable().strictNullable(),
    lastAttemptTime: p.datetime().nullable().strictNullable(),
    /** The days of these times in UTC, which have indexes. */
    lastSeenDay: p.date().nullable().generated(dayInUtc('last_seen_time')),
    lastAttemptDay: p.date().nullable().generated(dayInUtc('last_attempt_time')),
    version: p.integer().version(),
    ...times,
  },
});
export type DeviceEntity = InferEntity<typeof DeviceEntity>;
