import { defineEntity, p } from '@mikro-orm/core';

/** The use that the counter of a quota had in its latest period. The process that decides writes it, by SQL. */
export const CounterCheckpointEntity = defineEntity({
  name: 'CounterCheckpointEntity',
  tableName: 'counter_checkpoint',
  properties: {
    /** See `checkpointId` of counters/checkpoints/checkpoint-id.ts: it begins with the tag of the subject. */
    id: p.text().primary(),
    /** See `encodeSubject` of counters/checkpoints/checkpoint-id.ts. */
    subject: p.text(),
    limitIdentity: p.text(),
    periodStartTime: p.datetime(),
    /** Infinity: credits. */
    periodEndTime: p.datetime(),
    /** Negative: more credits were added than spent. */
    used: p.bigint('number'),
    /** Hits of the period that were refunded. */
    refunded: p.bigint('number'),
    /** When the counter had `used`, by the clock of its store. */
    observeTime: p.datetime(),
    /** When an administrator lowered the counter, by the clock of its store. Older observations count no more. */
    lowerTime: p.datetime(),
  },
});
