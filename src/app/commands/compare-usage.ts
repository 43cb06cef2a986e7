import type { ComparedCounter } from '../../counters/checkpoints/compare-counters.ts';
import { readFirstUsageHour, type SummedUsage, sumUsage, type WantedUsage } from '../../database/usage/sum-usage.ts';
import { parseSubject } from '../../domain/counting/counter-subject.ts';
import { encodeAccount } from '../../domain/device.ts';
import { parsePlanLimits } from '../../domain/limits/plan.ts';
import type { PlanLimit, UntrustedPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import type { Query } from '../../interfaces/query.ts';

/** A counter of a plan's limit next to the usage of its period. */
export interface ComparedUsage {
  readonly counter: ComparedCounter;
  /** Hits that the counter and its checkpoint have; the greater number counts. */
  readonly counted: number;
  /** Hits of the recorded requests that the limit counts. */
  readonly recorded: number;
}

const HOUR_MS = 3_600_000;

/** Compares counters with usage, which nodes record apart from them. */
export class UsageComparison {
  readonly #query: Query;
  /** The limits of each plan. */
  readonly #plans: ReadonlyMap<string, readonly PlanLimit[]>;
  readonly #firstHour: number;

  private constructor(query: Query, plans: ReadonlyMap<string, readonly PlanLimit[]>, firstHour: number) {
    this.#query = query;
    this.#plans = plans;
    this.#firstHour = firstHour;
  }

  static async open(query: Query): Promise<UsageComparison> {
    const rows = (await query('select id, limits from plan', [])) as { id: string; limits: UntrustedPlanLimitSpec[] }[];
    const plans = new Map<string, readonly PlanLimit[]>();
    for (const { id, limits: specs } of rows) {
      const limits = parsePlanLimits(specs);
      plans.set(id, 'faults' in limits ? [] : limits);
    }
    return new UsageComparison(query, plans, await readFirstUsageHour(query));
  }

  /**
   * Leaves out counters that usage cannot be compared with: of rules, of the own limits of keys and tokens, of credits, of
   * limits that charge rejected requests, and of periods that begin within an hour, or before the hours that are kept.
   */
  async compare(counters: readonly ComparedCounter[]): Promise<readonly ComparedUsage[]> {
    const comparable = counters.filter((counter) => this.#isComparable(counter));
    const sums = Map.groupBy(await sumUsage(this.#query, comparable.map(toWanted)), ({ index }) => index);
    return comparable.map((counter, index) => ({
      counter,
      counted: Math.max(counter.counted, counter.checkpoint.used),
      recorded: this.#addUp(counter, sums.get(index) ?? []),
    }));
  }

  #isComparable({ checkpoint: { subject, identity, periodStart } }: ComparedCounter): boolean {
    const from = periodStart / 1000;
    if (from < this.#firstHour || from % HOUR_MS !== 0 || !/^(account|key)\|[^|]*$/.test(subject)) return false;
    const limits = [...this.#plans.values()].flat().filter((limit) => hasIdentity(limit, identity));
    return limits.length > 0 && !limits.some((limit) => 'chargeRejected' in limit && limit.chargeRejected);
  }

  #addUp({ checkpoint: { subject, identity } }: ComparedCounter, sums: readonly SummedUsage[]): number {
    const isOfAccount = parseSubject(subject).kind === 'account';
    let used = 0;
    for (const { isOfKey, planId, route, hits } of sums) {
      const isCounted = this.#plans.get(planId)?.some((limit) => {
        if (!hasIdentity(limit, identity) || limit.routes?.includes(route) === false) return false;
        // Tokens always count for their account.
        return isOfAccount ? !isOfKey || limit.per === 'account' : limit.per !== 'account';
      });
      if (isCounted === true) used += hits;
    }
    return used;
  }
}

function hasIdentity(limit: PlanLimit, identity: string): boolean {
  return 'identity' in limit && limit.identity === identity;
}

function toWanted({ checkpoint: { subject, periodStart } }: ComparedCounter): WantedUsage {
  const from = new Date(periodStart / 1000).toISOString();
  const owner = parseSubject(subject);
  if (owner.kind === 'account') return { accountId: encodeAccount(owner.id), from };
  if (owner.kind === 'key') return { counterId: owner.id, from };
  throw new Error('only accounts and API keys have usage to compare with');
}
