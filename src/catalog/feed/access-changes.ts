import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CatalogDevices, KeyRecord } from '../../decide/ports.ts';
import { ACCESS_CHANGE_MESSAGE, type AccessChange } from '../../domain/access-change.ts';
import type { AccountRecord } from '../../domain/account-state.ts';
import { parseDeviceKey } from '../../domain/device.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { AccountRow, ApiKeyRow, CatalogEntry, DeviceRow } from './catalog-rows.ts';

/** A line with more changes would take the thread that decides for too long. */
const MAX_CHANGES_PER_LINE = 100;

/** The catalog as it was before the entries. */
export interface FormerCatalog {
  key(id: string): Pick<KeyRecord, 'disabled' | 'expiresAt'> | undefined;
  account(id: string): AccountRecord | undefined;
  readonly devices: Pick<CatalogDevices, 'find'>;
}

/** Finds the access changes in entries of the feed. */
export class AccessChanges {
  readonly #former: FormerCatalog;
  readonly #changes: AccessChange[] = [];

  constructor(former: FormerCatalog) {
    this.#former = former;
  }

  /** Adds the changes of an entry that has not been applied yet. */
  add(entry: CatalogEntry): void {
    const { entity, id, record } = entry;
    if (entity === 'api_key' && record !== null) this.#addKey(id, record);
    else if (entity === 'revocation') this.#addRevocation(entry);
    else if (entity === 'account' && record !== null) this.#addAccount(id, record);
    else if (entity === 'device') this.#addDevice(id, record);
    else if (entity === 'plan' || entity === 'receipt_key') return;
    else if (record === null) this.#changes.push({ entity, id, state: 'deleted' });
    else if (entity === 'issuer') this.#changes.push({ entity, id, state: record.disabled ? 'disabled' : 'enabled' });
    else if (entity === 'signing_key' && record.expiresAt !== null)
      this.#changes.push({ entity, id, state: 'expires', expiresAt: record.expiresAt });
  }

  /** Writes the changes to the log. Decisions get a turn between its lines. */
  async writeTo(log: Logger): Promise<void> {
    for (let start = 0; start < this.#changes.length; start += MAX_CHANGES_PER_LINE) {
      if (start > 0) await nextTurn();
      log.info({ changes: this.#changes.slice(start, start + MAX_CHANGES_PER_LINE) }, ACCESS_CHANGE_MESSAGE);
    }
  }

  /** A key that is new, or changed in another way, has no access change. */
  #addKey(id: string, { disabled, expiresAt }: ApiKeyRow): void {
    const entity = 'api_key';
    const former = this.#former.key(id);
    if (disabled) this.#changes.push({ entity, id, state: 'disabled' });
    else if (former?.disabled === true) this.#changes.push({ entity, id, state: 'enabled' });
    if (former !== undefined && (former.expiresAt ?? null) !== expiresAt)
      this.#changes.push({ entity, id, state: 'expires', expiresAt });
  }

  /** An account that is new, or changed in another way, has no access change. */
  #addAccount(id: string, { disabled, blockEndsAt }: AccountRow): void {
    const entity = 'account';
    const former = this.#former.account(id);
    if (disabled) this.#changes.push({ entity, id, state: 'disabled' });
    else if (former?.disabled === true) this.#changes.push({ entity, id, state: 'enabled' });
    if (blockEndsAt !== null) this.#changes.push({ entity, id, state: 'blocked', expiresAt: blockEndsAt });
    else if (former?.blockEndsAt !== undefined) this.#changes.push({ entity, id, state: 'unblocked' });
  }

  /** A device that is deleted becomes unknown, so that ends its block. */
  #addDevice(id: string, record: DeviceRow | null): void {
    const entity = 'device';
    const key = parseDeviceKey(id);
    if (record?.blocked === true) this.#changes.push({ entity, id, state: 'blocked' });
    else if (key !== undefined && this.#former.devices.find(key) === 'blocked')
      this.#changes.push({ entity, id, state: 'unblocked' });
  }

  #addRevocation({ entity, id, record }: CatalogEntry & { readonly entity: 'revocation' }): void {
    if (record === null) return; // it was deleted because all of its tokens have expired
    const { kind, value, issuerId, expiresAt } = record;
    this.#changes.push({ entity, id, state: 'revoked', kind, value, issuerId, expiresAt });
  }
}
