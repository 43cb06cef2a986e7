import { StringInterner } from '../../collections/string-interner.ts';
import type { AccountRecord, Catalog, KeyRecord } from '../../decide/ports.ts';
import { parseApiKeyPolicy } from '../../domain/credentials/api-key-policy.ts';
import { parseFeatures } from '../../domain/credentials/features.ts';
import { type Plan, parsePlanLimits } from '../../domain/limits/plan.ts';
import type { TokenTrust, VerifiedToken } from '../../domain/tokens/token.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { ApiKeyRow, CatalogEntry, PlanRow } from '../feed/catalog-rows.ts';
import { AccountTable, NO_PLAN } from './account-table.ts';
import { KeyTable } from './key-table.ts';
import { Revocations } from './revocations.ts';
import { TrustedSigners } from './trusted-signers.ts';

/**
 * The catalog in memory. Entries are states, not changes: applying one twice, or an older change with the current
 * state, makes no difference.
 */
export class ReadModel implements Omit<Catalog, 'isTooStale'> {
  readonly #plans = new Map<string, Plan>();
  readonly #planNames = new StringInterner();
  readonly #accounts = new AccountTable(this.#planNames);
  readonly #keys = new KeyTable(this.#accounts, this.#planNames);
  readonly #revocations = new Revocations();
  readonly #signers: TrustedSigners;
  readonly #digest: (secret: string) => string;
  readonly #formerDigests: readonly ((secret: string) => string)[];
  readonly #log: Logger;

  /** `digest` computes the digest of an API key in hex; `formerDigests` do so with earlier peppers. */
  constructor(
    digest: (secret: string) => string,
    log: Logger,
    formerDigests: readonly ((secret: string) => string)[] = [],
  ) {
    this.#digest = digest;
    this.#formerDigests = formerDigests;
    this.#log = log;
    this.#signers = new TrustedSigners(log);
  }

  get trust(): TokenTrust {
    return this.#signers.trust;
  }

  isRevoked(token: VerifiedToken): boolean {
    return this.#revocations.has(token);
  }

  keyBySecret(secret: string): KeyRecord | undefined {
    const record = this.#keys.findByDigest(this.#digest(secret));
    if (record !== undefined || this.#formerDigests.length === 0) return record;
    return this.#findByFormerDigest(secret);
  }

  key(id: string): KeyRecord | undefined {
    return this.#keys.findById(id);
  }

  account(id: string): AccountRecord | undefined {
    const planId = this.#accounts.findPlanId(id);
    return planId === undefined ? undefined : { id, planId };
  }

  plan(id: string): Plan | undefined {
    return this.#plans.get(id);
  }

  apply(entry: CatalogEntry): void {
    if (entry.entity === 'plan') this.#applyPlan(entry.id, entry.record);
    else if (entry.entity === 'account') this.#accounts.setPlan(entry.id, entry.record?.planId ?? NO_PLAN);
    else if (entry.entity === 'api_key') this.#applyKey(entry.id, entry.record);
    else if (entry.entity === 'issuer') this.#signers.applyIssuer(entry.id, entry.record);
    else if (entry.entity === 'signing_key') this.#signers.applyKey(entry.id, entry.record);
    else this.#revocations.apply(entry.id, entry.record);
  }

  #findByFormerDigest(secret: string): KeyRecord | undefined {
    for (const digest of this.#formerDigests) {
      const record = this.#keys.findByDigest(digest(secret));
      if (record !== undefined) return record;
    }
    return undefined;
  }

  #applyPlan(id: string, row: PlanRow | null): void {
    if (row === null) {
      this.#plans.delete(id);
      return;
    }
    const limits = parsePlanLimits(row.limits);
    const features = parseFeatures(row.features);
    if (!('faults' in limits) && !('faults' in features)) {
      this.#plans.set(id, { id, limits, features });
      return;
    }
    const faults = [limits, features].flatMap((parsed) => ('faults' in parsed ? parsed.faults : []));
    // For instance, a later version has written the plan. Its last known version is closer to the truth than no limits,
    // or than no plan.
    this.#log.error({ plan: id, faults }, 'could not read a plan; its last known version stays in force');
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
    if (!('faults' in policy)) return JSON.stringify(row.policy);
    const { faults } = policy;
    this.#log.error(
      { api_key: id, faults },
      'could not read the policy of an API key; its last known policy stays in force',
    );
    return undefined;
  }
}
