import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** A request that Envoy has answered. Written by SQL and not through the entity. See LoggedRequest. */
export const RequestLogEntity = defineEntity({
  name: 'RequestLogEntity',
  tableName: 'request_log',
  properties: {
    /** A UUID of version 7: it begins with the time of the request. */
    id: p.uuid().primary(),
    createTime: p.datetime(),
    requestId: p.text(),
    accountId: p.text().nullable().strictNullable(),
    apiKeyId: p.text().nullable().strictNullable(),
    planId: p.text().nullable().strictNullable(),
    route: p.text(),
    method: p.text(),
    path: p.text(),
    status: p.integer(),
    code: p.text(),
    durationMs: p.integer(),
    requestBytes: p.bigint('number'),
    responseBytes: p.bigint('number'),
    peer: p.text(),
    userAgent: p.text(),
  },
});
export type RequestLogEntity = InferEntity<typeof RequestLogEntity>;
