import { BriefMemory } from '../../collections/brief-memory.ts';
import { AbuseBudget } from '../../transport/http2/abuse-budget.ts';

/** Networks whose budgets are remembered, and how long. A longer memory would only forgive less. */
const MAX_NETWORKS = 10_000;
const REMEMBERED_MS = 60_000;

/** A budget for each network of clients, so that one of them cannot spend what all have together. */
export class NetworkBudgets {
  readonly #limit: ConstructorParameters<typeof AbuseBudget>[0];
  readonly #budgets = new BriefMemory<AbuseBudget>(REMEMBERED_MS, MAX_NETWORKS);

  constructor(limit: ConstructorParameters<typeof AbuseBudget>[0]) {
    this.#limit = limit;
  }

  /** Spends a unit of a network, and returns whether it was available. `now` is in ms on the clock of performance.now(). */
  spend(network: string, now: number): boolean {
    let budget = this.#budgets.recall(network, now);
    if (budget === undefined) {
      budget = new AbuseBudget(this.#limit);
      this.#budgets.remember(network, budget, now);
    }
    return budget.spend(1, now);
  }
}
