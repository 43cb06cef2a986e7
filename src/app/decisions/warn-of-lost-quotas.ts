import { isLasting } from '../../domain/limits/lasting-limit.ts';
import type { Plan } from '../../domain/limits/plan.ts';
import { ruleLimitName } from '../../domain/rules/rule.ts';
import type { RuleBook } from '../../domain/rules/rule-book.ts';
import { rulesOfBook } from '../../domain/rules/rules-of-book.ts';
import type { WarningLogger } from '../../interfaces/logger.ts';

export interface LostQuotasOptions {
  /** The stores that forget counters when they restart, as `Counters.forgetfulStores`. */
  readonly counters: { readonly forgetfulStores: readonly string[] };
  /** A reload of the rules replaces the book. */
  readonly rules: { readonly book: RuleBook };
  readonly catalog: { plans(): Iterable<Plan> };
  readonly log: WarningLogger;
}

/** Redis says soon after the start whether it forgets. Plans and rules may be added at any time. */
const CHECK_INTERVAL_MS = 5_000;
const MAX_LOGGED_LIMITS = 20;
const MAX_LABEL_LENGTH = 100;
/** Limits that are remembered as named. A node with more of them warns about none of the others. */
const MAX_NAMED_LIMITS = 10_000;

/**
 * Warns about long limits that are lost when the counters are, because neither the store nor checkpoints keep them: of plans and
 * rules, each once. Continues until `resources` are disposed, as plans and rules can be added.
 */
export function warnOfLostQuotas(options: LostQuotasOptions, resources: AsyncDisposableStack): void {
  const check = createCheck(options);
  check();
  const timer = setInterval(check, CHECK_INTERVAL_MS).unref();
  resources.defer(() => clearInterval(timer));
}

/** Returns a function that logs a warning if there are limits that it has not named yet. */
export function createCheck({ counters, rules, catalog, log }: LostQuotasOptions): () => void {
  const named = new Set<string>();
  let checkedBook: RuleBook | undefined;
  return () => {
    const stores = counters.forgetfulStores;
    if (stores.length === 0) return;
    // A book never changes, and can be large.
    const ruleLabels = rules.book === checkedBook ? [] : lastingLimitsOfRules(rules.book);
    checkedBook = rules.book;
    const added: string[] = [];
    for (const labels of [lastingLimitsOfPlans(catalog.plans()), ruleLabels]) {
      for (const label of labels) {
        if (named.size >= MAX_NAMED_LIMITS) break;
        if (named.has(label)) continue;
        named.add(label);
        added.push(label);
      }
    }
    if (added.length === 0) return;
    const limits = added.slice(0, MAX_LOGGED_LIMITS).map((label) => label.slice(0, MAX_LABEL_LENGTH));
    log.warn(
      { limits, further_limits: added.length - limits.length, stores },
      'counters: the store may lose its counters, in memory when the process is killed and in Redis at a restart, and ' +
        'these limits then start again; use a Redis with persistence, or calendar limits, which have checkpoints',
    );
  };
}

function* lastingLimitsOfPlans(plans: Iterable<Plan>): Generator<string> {
  for (const { id, limits } of plans) {
    for (const limit of limits) if (isLasting(limit)) yield `plans/${id}/${limit.name}`;
  }
}

function* lastingLimitsOfRules(book: RuleBook): Generator<string> {
  for (const rule of rulesOfBook(book)) {
    for (const limit of rule.limits) if (isLasting(limit)) yield ruleLimitName(rule, limit.name).label;
  }
}
