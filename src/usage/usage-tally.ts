import type { Usage, UsageTally } from '../decide/ports.ts';
import { encodeAccount } from '../domain/device.ts';
import type { UsageCounts, UsageDimensions, UsageOutcome } from '../domain/usage/usage-row.ts';
import { type PlanCounts, PlanTally } from './plan-tally.ts';

/** Usage of one key, account or token on one route since the last `take`. */
export type UsageCell = UsageDimensions & UsageCounts;

/** Envoy's configuration has few routes. A client that chooses the route must not make one row of each request. */
const MAX_ROUTES = 200;
const MAX_ROUTE_LENGTH = 200;
/** Postgres does not index longer keys. */
const MAX_ACCOUNT_LENGTH = 512;
export const OTHER_ROUTES = 'other';
/** Cells of one interval. Each takes about 200 bytes. */
const MAX_CELLS = 200_000;

interface TallyCell extends UsageCell {
  /** Counts of the cell's plan since the start. */
  readonly ofPlan: PlanCounts;
  /** The interval that the cell counts. */
  readonly interval: number;
}

/**
 * Counts requests in memory, by account, key, plan and route. The record of a credential remembers its last cell, so that
 * all requests but the first of an interval cost a look-up by identity and an addition.
 */
export class NodeUsageTally implements UsageTally {
  #cells = new Map<string, TallyCell>();
  #interval = 0;
  /** The cell that a record was last counted in. A record keeps no more than that cell alive. */
  readonly #recent = new WeakMap<object, TallyCell>();
  readonly #routes = new Set<string>();
  readonly #plans = new PlanTally();
  #dropped = 0;
  #requestsOnOtherRoutes = 0;

  /** Requests and settlements that were not counted, because too many keys were used in an interval. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Requests that were counted for the route `other`, because there are too many routes or its name is too long. */
  get requestsOnOtherRoutes(): number {
    return this.#requestsOnOtherRoutes;
  }

  /** Requests that were counted since the start, by plan. */
  get plans(): Iterable<readonly [plan: string, counts: PlanCounts]> {
    return this.#plans.entries();
  }

  /** The number of cells since the last `take`. */
  get size(): number {
    return this.#cells.size;
  }

  record(usage: Usage, outcome: UsageOutcome): void {
    const recent = this.#recent.get(usage.record);
    const isRecent =
      recent !== undefined &&
      recent.interval === this.#interval &&
      recent.route === (usage.route ?? '') &&
      recent.planId === (usage.planId ?? '');
    const cell = isRecent ? recent : this.#find(usage);
    if (cell === undefined) {
      this.#dropped++;
      return;
    }
    cell[outcome]++;
    cell.ofPlan[outcome]++;
    if (outcome === 'allowed') cell.hits += usage.hits;
  }

  settle({ accountId, keyId, planId, route }: UsageDimensions, hits: number): void {
    const cell = this.#findCell({ accountId, keyId, planId, route: this.#boundRoute(route) });
    if (cell === undefined) this.#dropped++;
    else cell.hits += hits;
  }

  /** Returns what was counted since the last call, and begins again. */
  take(): Iterable<UsageCell> {
    const cells = this.#cells;
    this.#cells = new Map();
    this.#interval++;
    return cells.values();
  }

  #find({ record, accountId, keyId, planId, route = '' }: Usage): TallyCell | undefined {
    const bounded = this.#boundRoute(route);
    if (bounded !== route) this.#requestsOnOtherRoutes++;
    const cell = this.#findCell({ accountId, keyId: keyId ?? '', planId: planId ?? '', route: bounded });
    if (cell !== undefined) this.#recent.set(record, cell);
    return cell;
  }

  #findCell({ accountId: account, keyId, planId, route }: UsageDimensions): TallyCell | undefined {
    // Accounts of external issuers can have any characters, and Postgres does not store all of them.
    const accountId = encodeAccount(account).slice(0, MAX_ACCOUNT_LENGTH);
    const name = `${accountId}\n${keyId}\n${planId}\n${route}`;
    const known = this.#cells.get(name);
    if (known !== undefined) return known;
    if (this.#cells.size >= MAX_CELLS) return undefined;
    const counts = { allowed: 0, rateLimited: 0, quotaExceeded: 0, denied: 0, hits: 0 };
    const cell = {
      accountId,
      keyId,
      planId,
      route,
      ...counts,
      ofPlan: this.#plans.of(planId),
      interval: this.#interval,
    };
    this.#cells.set(name, cell);
    return cell;
  }

  #boundRoute(route: string): string {
    if (route === '' || this.#routes.has(route)) return route;
    if (this.#routes.size >= MAX_ROUTES || !isStorable(route)) return OTHER_ROUTES;
    this.#routes.add(route);
    return route;
  }
}

/** Whether Postgres accepts the name, and it is not too long. */
function isStorable(route: string): boolean {
  return route.length <= MAX_ROUTE_LENGTH && route.isWellFormed() && !route.includes('\0');
}
