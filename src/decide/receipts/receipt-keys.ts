/** A key that authenticates receipts. All nodes have the same ones. */
export interface ReceiptKey {
  /** 1 to 64 characters of a-z and 0-9. Receipts carry it. */
  readonly id: string;
  /** At least 32 bytes. */
  readonly secret: Uint8Array;
}

/** The keys of this node's copy of the catalog. */
export interface ReceiptKeys {
  /** The key that authenticates new receipts, which every node knows. undefined: the catalog has none. */
  readonly receiptKey: ReceiptKey | undefined;
  /** Finds the key of a receipt, which may have been replaced since. */
  findReceiptKey(id: string): ReceiptKey | undefined;
}
