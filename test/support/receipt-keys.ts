import type { ReceiptKey, ReceiptKeys } from '../../src/decide/receipts/receipt-keys.ts';

export const RECEIPT_KEY: ReceiptKey = { id: '0a1b2c3d', secret: Buffer.alloc(32, 7) };

/** The receipt keys of a catalog that has one. */
export const RECEIPT_KEYS: ReceiptKeys = {
  receiptKey: RECEIPT_KEY,
  findReceiptKey: (id) => (id === RECEIPT_KEY.id ? RECEIPT_KEY : undefined),
};
