import { defineEntity, p } from '@mikro-orm/core';

/** Whose requests a row counts. Empty: there is none, or none is known. */
const dimensions = {
  accountId: p.text().primary(),
  apiKeyId: p.text().primary(),
  planId: p.text().primary(),
  route: p.text().primary(),
};

/** Requests by outcome, and the hits of those that were allowed. */
const counts = {
  allowed: p.bigint('number'),
  rateLimited: p.bigint('number'),
  quotaExceeded: p.bigint('number'),
  denied: p.bigint('number'),
  hits: p.bigint('number'),
};

/** Usage of an hour. Nodes add to the row of an hour until it is rolled up. */
const UsageHourEntity = defineEntity({
  name: 'UsageHourEntity',
  tableName: 'usage_hour',
  properties: { ...dimensions, hour: p.datetime().primary(), ...counts },
});

/** Usage of a day of UTC that was rolled up. It never changes. */
const UsageDayEntity = defineEntity({
  name: 'UsageDayEntity',
  tableName: 'usage_day',
  properties: { ...dimensions, day: p.datetime().primary(), ...counts },
});

/** Usage of a month of UTC, as far as its days are rolled up. */
const UsageMonthEntity = defineEntity({
  name: 'UsageMonthEntity',
  tableName: 'usage_month',
  properties: { ...dimensions, month: p.datetime().primary(), ...counts },
});

/** Usage that arrived after its hour was rolled up. */
const UsageCorrectionEntity = defineEntity({
  name: 'UsageCorrectionEntity',
  tableName: 'usage_correction',
  properties: {
    ...dimensions,
    hour: p.datetime().primary(),
    /** The day of UTC on which it arrived. */
    recordTime: p.datetime().primary(),
    ...counts,
  },
});

/** The part of the dimensions that usage of all accounts together is split by. */
const { planId, route } = dimensions;
const totalDimensions = { planId, route };

/** Usage of all accounts in an hour that was rolled up. */
const UsageTotalHourEntity = defineEntity({
  name: 'UsageTotalHourEntity',
  tableName: 'usage_total_hour',
  properties: { ...totalDimensions, hour: p.datetime().primary(), ...counts },
});

/** Usage of all accounts on a day of UTC that was rolled up. */
const UsageTotalDayEntity = defineEntity({
  name: 'UsageTotalDayEntity',
  tableName: 'usage_total_day',
  properties: { ...totalDimensions, day: p.datetime().primary(), ...counts },
});

/** Usage of all accounts in a month of UTC whose days were all rolled up. */
const UsageTotalMonthEntity = defineEntity({
  name: 'UsageTotalMonthEntity',
  tableName: 'usage_total_month',
  properties: { ...totalDimensions, month: p.datetime().primary(), ...counts },
});

/** A process that has written usage. */
const UsageNodeEntity = defineEntity({
  name: 'UsageNodeEntity',
  tableName: 'usage_node',
  properties: {
    id: p.text().primary(),
    /** Of the last flush that was written. */
    sequence: p.bigint('number'),
    updateTime: p.datetime(),
  },
});

/** How far usage is rolled up. The table has one row. */
const UsageStateEntity = defineEntity({
  name: 'UsageStateEntity',
  tableName: 'usage_state',
  properties: {
    id: p.boolean().primary(),
    rolledUntil: p.datetime(),
    /** The days before it have totals of all accounts. */
    totaledUntil: p.datetime(),
    /** Names the database in the ids of usage events. */
    clusterId: p.uuid(),
  },
});

/** The number of active accounts, as one node has counted it for all. The table has one row. Written by SQL. */
const UsageActivityEntity = defineEntity({
  name: 'UsageActivityEntity',
  tableName: 'usage_activity',
  properties: {
    id: p.boolean().primary(),
    /** When a node has begun to count. */
    claimTime: p.datetime(),
    countDuration: p.interval(),
    /** Null: nobody has counted yet. */
    dayAccounts: p.bigint('number').nullable(),
    monthAccounts: p.bigint('number').nullable(),
  },
});

export const usageEntities = [
  UsageHourEntity,
  UsageDayEntity,
  UsageMonthEntity,
  UsageCorrectionEntity,
  UsageTotalHourEntity,
  UsageTotalDayEntity,
  UsageTotalMonthEntity,
  UsageNodeEntity,
  UsageStateEntity,
  UsageActivityEntity,
];
