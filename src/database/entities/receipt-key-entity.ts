import { defineEntity, p } from '@mikro-orm/core';

/** The keys that authenticate receipts. */
export const ReceiptKeyEntity = defineEntity({
  name: 'ReceiptKeyEntity',
  tableName: 'receipt_key',
  properties: {
    id: p.text().primary(),
    secret: p.blob(),
    createTime: p.datetime(),
  },
});
