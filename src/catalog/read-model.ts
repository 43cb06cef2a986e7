import { parseFeatures } from '../core/features.ts';
import { type KeyConditions, NO_CONDITIONS, parseKeyConditions } from '../core/key-conditions.ts';
import type { Logger } from '../core/logger.ts';
import { type Plan, parsePlanLimits } from '../core/plan.ts';
import type { TokenRecord, TokenTrust } from '../core/token.ts';
import type { AccountRecord, Catalog, KeyRecord } from '../decide/ports.ts';
import type { AccountRow, CatalogEntry, KeyRow, PlanRow } from './records.ts';
import { Revocations } from './revocations.ts';
import { TrustedSigners } from './trusted-signers.ts';

/** What no plan is called: the plan of an account that is not known yet, so that its keys are on no plan. */
const NO_PLAN = '';

class Account implements AccountRecord {
  readonly id: string;
  planId = NO_PLAN;
  constructor(id: string) {
    this.id = id;
  }
}

/** Refers to its account, so that a change of the account's plan counts for all its keys without touching them. */
class Key implements KeyRecord {
  readonly id: string;
  readonly digest: string;
  readonly counterId: string;
  readonly conditions: KeyConditions;
  readonly disabled: boolean;
  readonly expiresAt: number | undefined;
  notedInMinute = 0;
  readonly #account: Account;
  readonly #planId: string | null;

  constructor(id: string, row: KeyRow, conditions: KeyConditions, account: Account) {
    this.id = id;
    this.digest = row.digest;
    this.counterId = row.counterId;
    this.conditions = conditions;
    this.disabled = row.disabled;
    this.expiresAt = row.expiresAt ?? undefined;
    this.#account = account;
    this.#planId = row.planId;
  }

  get accountId(): string {
    return this.#account.id;
  }

  get planId(): string {
    return this.#planId ?? this.#account.planId;
  }
}

/** The catalog in memory. Entries are states, not steps: applying one twice, or an older state's change late, is the same. */
export class ReadModel implements Catalog {
  readonly #plans = new Map<string, Plan>();
  readonly #accounts = new Map<string, Account>();
  readonly #keys = new Map<string, Key>();
  readonly #keysByDigest = new Map<string, Key>();
  readonly #revocations = new Revocations();
  readonly #signers: TrustedSigners;
  readonly #digest: (secret: string) => string;
  readonly #log: Logger;

  constructor(digest: (secret: string) => string, log: Logger) {
    this.#digest = digest;
    this.#log = log;
    this.#signers = new TrustedSigners(log);
  }

  get trust(): TokenTrust {
    return this.#signers.trust;
  }

  isRevoked(token: TokenRecord): boolean {
    return this.#revocations.has(token);
  }

  keyOfSecret(secret: string): KeyRecord | undefined {
    return this.#keysByDigest.get(this.#digest(secret));
  }

  key(id: string): KeyRecord | undefined {
    return this.#keys.get(id);
  }

  account(id: string): AccountRecord | undefined {
    return this.#accounts.get(id);
  }

  plan(id: string): Plan | undefined {
    return this.#plans.get(id);
  }

  apply(entry: CatalogEntry): void {
    if (entry.entity === 'plan') this.#applyPlan(entry.id, entry.record);
    else if (entry.entity === 'account') this.#applyAccount(entry.id, entry.record);
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

  #applyAccount(id: string, row: AccountRow | null): void {
    const account = this.#accountOf(id);
    account.planId = row?.planId ?? NO_PLAN;
    if (row === null) this.#accounts.delete(id);
  }

  #applyKey(id: string, row: KeyRow | null): void {
    const former = this.#keys.get(id);
    if (former !== undefined) this.#keysByDigest.delete(former.digest);
    const conditions = row === null ? undefined : (this.#conditionsOf(id, row) ?? former?.conditions);
    if (row === null || conditions === undefined) {
      this.#keys.delete(id);
      return;
    }
    const key = new Key(id, row, conditions, this.#accountOf(row.accountId));
    this.#keys.set(id, key);
    this.#keysByDigest.set(key.digest, key);
  }

  /** undefined where they cannot be read: what was known stays in force, and a key of which nothing was is refused. */
  #conditionsOf(id: string, row: KeyRow): KeyConditions | undefined {
    if (row.conditions === null) return NO_CONDITIONS;
    const conditions = parseKeyConditions(row.conditions);
    if (!('faults' in conditions)) return conditions;
    const { faults } = conditions;
    this.#log.error(
      { api_key: id, faults },
      'what an API key has beside its plan cannot be read; what was known of that stays in force',
    );
    return undefined;
  }

  #accountOf(id: string): Account {
    const known = this.#accounts.get(id);
    if (known !== undefined) return known;
    const account = new Account(id);
    this.#accounts.set(id, account);
    return account;
  }
}
