import type { ReceiptKey } from '../../decide/receipts/receipt-keys.ts';
import type { ReceiptKeyRow } from '../feed/catalog-rows.ts';

/** A node learns of a new key within a second. Until it does, it would not accept the receipts of another node. */
const MIN_AGE_MS = 60_000;

interface StoredKey extends ReceiptKey {
  /** Unix time in ms. */
  readonly createdAt: number;
}

/** The keys of receipts. There are few: rotate-receipt-keys.ts deletes old ones. */
export class ReceiptKeyRing {
  readonly #keys = new Map<string, StoredKey>();

  /** Adds, replaces or removes a key. */
  apply(id: string, row: ReceiptKeyRow | null): void {
    if (row === null) this.#keys.delete(id);
    else this.#keys.set(id, { id, secret: Buffer.from(row.secret, 'hex'), createdAt: row.createdAt });
  }

  find(id: string): ReceiptKey | undefined {
    return this.#keys.get(id);
  }

  /**
   * Finds the newest key that every node knows by now, or else the oldest. undefined: there is none. `now` is Unix time
   * in ms.
   */
  findSigningKey(now: number): ReceiptKey | undefined {
    let signing: StoredKey | undefined;
    let oldest: StoredKey | undefined;
    for (const key of this.#keys.values()) {
      if (oldest === undefined || key.createdAt < oldest.createdAt) oldest = key;
      const isKnown = key.createdAt <= now - MIN_AGE_MS;
      if (isKnown && (signing === undefined || key.createdAt > signing.createdAt)) signing = key;
    }
    return signing ?? oldest;
  }
}
