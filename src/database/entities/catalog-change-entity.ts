import { defineEntity, p } from '@mikro-orm/core';

/** The tables whose changes the feed reports. */
type CatalogTable = 'plan' | 'account' | 'api_key' | 'issuer' | 'signing_key' | 'revocation' | 'receipt_key' | 'device';

/** The change feed. Only triggers write its rows, in the transaction of the change. */
export const CatalogChangeEntity = defineEntity({
  name: 'CatalogChangeEntity',
  tableName: 'catalog_change',
  properties: {
    id: p.bigint('string').primary().autoincrement(),
    /** The transaction that made the change. Readers compare it with the snapshot that they have read last. */
    transactionId: p.string().columnType('xid8'),
    entity: p.string().$type<CatalogTable>(),
    entityId: p.text(),
    createTime: p.datetime(),
  },
});
