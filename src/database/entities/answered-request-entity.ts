import { defineEntity, p } from '@mikro-orm/core';

/** The answer of a request with a request id. A repeated request gets it again, within 24 hours. */
export const AnsweredRequestEntity = defineEntity({
  name: 'AnsweredRequestEntity',
  tableName: 'answered_request',
  properties: {
    caller: p.text().primary(),
    requestId: p.text().primary(),
    /** `/package.Service/Method`. */
    method: p.text(),
    /** Digest of the request, in hex. */
    digest: p.text(),
    /** The encoded response, without secrets. null: the transaction that computes it is in progress. */
    answer: p.blob().nullable(),
    createTime: p.datetime().index(),
  },
});
