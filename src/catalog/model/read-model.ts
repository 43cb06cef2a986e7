import { hash } from 'node:crypto';
import { StringInterner } from '../../collections/string-interner.ts';
import type { Catalog, CatalogDevices, KeyRecord } from '../../decide/ports.ts';
import type { ReceiptKey } from '../../decide/receipts/receipt-keys.ts';
import type { AccountRecord } from '../../domain/account-state.ts';
import { type ApiKeyPolicySpec, parseApiKeyPolicy } from '../../domain/credentials/api-key-policy.ts';
import { hasImportedKeyLength } from '../../domain/credentials/imported-key.ts';
import type { Plan } from '../../domain/limits/plan.ts';
import { dropForgotten } from '../../domain/limits/superseded-limit.ts';
import type { TokenTrust, VerifiedToken } from '../../domain/tokens/token.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { ApiKeyRow, CatalogEntry } from '../feed/catalog-rows.ts';
import { AccountTable } from './account-table.ts';
import { DeviceTable } from './device-table.ts';
import { KeyTable } from './key-table.ts';
import { PlanTable } from './plan-table.ts';
import { ReceiptKeyRing } from './receipt-key-ring.ts';
import { TrustModel } from './trust-model.ts';

export interface CatalogSizes {
  readonly plans: number;
  readonly accounts: number;
  readonly apiKeys: number;
  readonly devices: number;
}

/**
 * The catalog in memory. Entries are states, not changes: applying one twice, or an older change with the current
 * state, makes no difference.
 */
export class ReadModel implements Omit<Catalog, 'isTooStale'> {
  readonly #plans: PlanTable;
  readonly #planNames = new StringInterner();
  readonly #accounts = new AccountTable(this.#planNames);
  readonly #keys = new KeyTable(this.#accounts, this.#planNames);
  readonly #trust: TrustModel;
  readonly #receiptKeys = new ReceiptKeyRing();
  readonly #devices = new DeviceTable();
  readonly #digest: (secret: string) => string;
  readonly #formerDigests: readonly ((secret: string) => string)[];
  readonly #log: Logger;
  /**
   * The rows of the small tables by entity and id: their models hold them in a form that cannot be turned back. Of a plan:
   * the last one that could be read.
   */
  readonly #rows = new Map<string, CatalogEntry>();

  /** `digest` computes the digest of an API key in hex; `formerDigests` do so with earlier peppers. */
  constructor(
    digest: (secret: string) => string,
    log: Logger,
    formerDigests: readonly ((secret: string) => string)[] = [],
  ) {
    this.#digest = digest;
    this.#formerDigests = formerDigests;
    this.#log = log;
    this.#plans = new PlanTable(log);
    this.#trust = new TrustModel(log);
  }

  get trust(): TokenTrust {
    return this.#trust.trust;
  }

  isRevoked(token: VerifiedToken): boolean {
    return this.#trust.isRevoked(token);
  }

  get receiptKey(): ReceiptKey | undefined {
    return this.#receiptKeys.findSigningKey(Date.now());
  }

  findReceiptKey(id: string): ReceiptKey | undefined {
    return this.#receiptKeys.find(id);
  }

  get devices(): CatalogDevices {
    return this.#devices;
  }

  keyBySecret(secret: string): KeyRecord | undefined {
    const record = this.#keys.findByDigest(this.#digest(secret));
    if (record !== undefined || this.#formerDigests.length === 0) return record;
    return this.#findByFormerDigest(secret);
  }

  get hasImportedKeys(): boolean {
    return this.#keys.importedCount > 0;
  }

  importedKeyBySecret(secret: string): KeyRecord | undefined {
    return this.hasImportedKeys && hasImportedKeyLength(secret)
      ? this.keyBySecret(hash('sha256', secret, 'hex'))
      : undefined;
  }

  key(id: string): KeyRecord | undefined {
    return this.#keys.findById(id);
  }

  account(id: string): AccountRecord | undefined {
    return this.#accounts.find(id);
  }

  plan(id: string): Plan | undefined {
    return this.#plans.find(id);
  }

  plans(): Iterable<Plan> {
    return this.#plans.values();
  }

  /** How many entries the catalog has of the kinds that grow with the customers. */
  get sizes(): CatalogSizes {
    const [plans, accounts, apiKeys, devices] = [this.#plans, this.#accounts, this.#keys, this.#devices];
    return { plans: plans.size, accounts: accounts.size, apiKeys: apiKeys.size, devices: devices.size };
  }

  apply(entry: CatalogEntry): void {
    if (entry.entity === 'account') this.#accounts.set(entry.id, entry.record);
    else if (entry.entity === 'api_key') this.#applyKey(entry.id, entry.record);
    else if (entry.entity === 'device') this.#devices.apply(entry.id, entry.record);
    else this.#applySmall(entry);
  }

  /**
   * Yields the current state of everything, as entries that make up the same model. Entries may be applied while it is
   * suspended. Those that concern an entity which was not yielded yet may then be missing.
   */
  *entries(): Generator<CatalogEntry> {
    yield* [...this.#rows.values()];
    for (const { id, planId, disabled, blockEndsAt = null, supersededPlanLimits = null } of this.#accounts.entries())
      yield { entity: 'account', id, record: { planId, disabled, blockEndsAt, supersededPlanLimits } };
    for (const { id, record } of this.#keys.entries()) yield { entity: 'api_key', id, record };
    for (const { id, record } of this.#devices.entries()) yield { entity: 'device', id, record };
  }

  /** Applies an entry of a small table. */
  #applySmall(entry: CatalogEntry): void {
    const { entity, id, record } = entry;
    if (entity === 'plan' && !this.#plans.apply(id, record)) return;
    if (entity === 'receipt_key') this.#receiptKeys.apply(id, record);
    else this.#trust.apply(entry);
    const name = `${entity}:${id}`;
    if (record === null) this.#rows.delete(name);
    else this.#rows.set(name, entry);
  }

  #findByFormerDigest(secret: string): KeyRecord | undefined {
    for (const digest of this.#formerDigests) {
      const record = this.#keys.findByDigest(digest(secret));
      if (record !== undefined) return record;
    }
    return undefined;
  }

  #applyKey(id: string, row: ApiKeyRow | null): void {
    const policyJson = row === null ? undefined : (this.#readPolicyJson(id, row) ?? this.#keys.findPolicyJson(id));
    if (row === null || policyJson === undefined) this.#keys.delete(id);
    else if (!this.#keys.set(id, row, policyJson)) {
      this.#log.error({ api_key: id }, 'an API key is too long to be stored; rejecting it');
    }
  }

  /**
   * Returns the policy of a key as JSON, empty if it has none of its own. undefined: the policy cannot be read. The
   * last known one then stays in force. Without one, the key is rejected.
   */
  #readPolicyJson(id: string, row: ApiKeyRow): string | undefined {
    if (row.policy === null) return '';
    const policy = parseApiKeyPolicy(row.policy);
    if (!('faults' in policy)) return formatPolicy(row.policy, Date.now());
    const { faults } = policy;
    this.#log.error(
      { api_key: id, faults },
      'could not read the policy of an API key; its last known policy stays in force',
    );
    return undefined;
  }
}

/** Returns JSON without what is empty, which nearly all keys lack. Empty: nothing is left. */
function formatPolicy(policy: ApiKeyPolicySpec, now: number): string {
  const { limits, allowedNetworks, features } = policy;
  const supersededLimits = dropForgotten(policy.supersededLimits ?? [], now);
  const supersededPlanLimits = dropForgotten(policy.supersededPlanLimits ?? [], now);
  const superseded = {
    ...(supersededLimits.length > 0 && { supersededLimits }),
    ...(supersededPlanLimits.length > 0 && { supersededPlanLimits }),
  };
  const isEmpty = [limits, allowedNetworks, features, Object.keys(superseded)].every(({ length }) => length === 0);
  return isEmpty ? '' : JSON.stringify({ limits, allowedNetworks, features, ...superseded });
}
