import { defineEntity, p } from '@mikro-orm/core';

/** A share of a limit that was reached. Decision nodes write the rows by SQL. Times are in µs since 1970, by the store's clock. */
export const LimitThresholdEntity = defineEntity({
  name: 'LimitThresholdEntity',
  tableName: 'limit_threshold',
  properties: {
    id: p.bigint('number').primary(),
    /** Subject of the counter. */
    subject: p.text(),
    /** Identity of the limit. */
    counter: p.text(),
    /** In percent of the limit. */
    threshold: p.integer(),
    /** 0: the limit has no periods. */
    periodEnd: p.bigint('number'),
    /** The last time that the share was reached. */
    crossedAt: p.bigint('number'),
    /** The last time before that at which the node saw a usage low enough to notify again. Null: never. */
    lowAt: p.bigint('number').nullable().strictNullable(),
    used: p.bigint('number'),
    requests: p.bigint('number'),
    createTime: p.datetime(),
  },
});
