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

/** The catalog in memory. Entries are states, not steps: applying one twice, or an older state's change late, is the same. */
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

  /** Digests of secrets in hex: by the newest pepper, and by those before it, of which keys are left. */
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
    let found = this.#keys.ofDigest(this.#digest(secret));
    for (let next = 0; found === undefined && next < this.#formerDigests.length; next++) {
      const digest = this.#formerDigests[next];
      if (digest !== undefined) found = this.#keys.ofDigest(digest(secret));
    }
    return found;
  }

  key(id: string): KeyRecord | undefined {
    return this.#keys.ofId(id);
  }

  account(id: string): AccountRecord | undefined {
    const planId = this.#accounts.planOf(id);
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
    const faults = [limits, features].flatMap((each) => ('faults' in each ? each.faults : []));
    // Written by a later version, say. What was known before is nearer to it than unlimited, or than nothing.
    this.#log.error({ plan: id, faults }, 'a plan cannot be read; what was known of it stays in force');
  }

  #applyKey(id: string, row: ApiKeyRow | null): void {
    const conditions = row === null ? undefined : (this.#conditionsOf(id, row) ?? this.#keys.conditionsOf(id));
    if (row === null || conditions === undefined) this.#keys.delete(id);
    else if (!this.#keys.set(id, row, conditions))
      this.#log.error({ api_key: id }, 'an API key is too long to be kept');
  }

  /** undefined where they cannot be read: what was known stays in force, and a key of which nothing was is refused. */
  #conditionsOf(id: string, row: ApiKeyRow): string | undefined {
    if (row.policy === null) return '';
    const conditions = parseApiKeyPolicy(row.policy);
    if (!('faults' in conditions)) return JSON.stringify(row.policy);
    const { faults } = conditions;
    this.#log.error(
      { api_key: id, faults },
      'what an API key has beside its plan cannot be read; what was known of that stays in force',
    );
    return undefined;
  }
}
