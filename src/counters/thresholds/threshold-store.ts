import { elementAt } from '../../collections/element-at.ts';
import {
  type Correction,
  type CounterStore,
  type Decision,
  type DecisionResult,
  type MaybePromise,
  mapMaybe,
  type Receipt,
  type RefundResult,
  StoreUnavailable,
} from '../../decide/ports.ts';
import type { ThresholdWatch } from './threshold-watch.ts';

/**
 * Shows a watch the answers about limits that notify. A batch without such limits passes through. Only answers of the
 * counters that all nodes share count, because only these have the same clock and know all hits.
 */
export class ThresholdStore implements CounterStore {
  readonly #store: CounterStore;
  readonly #watch: Pick<ThresholdWatch, 'observe'>;

  constructor(store: CounterStore, watch: Pick<ThresholdWatch, 'observe'>) {
    this.#store = store;
    this.#watch = watch;
  }

  decide(decisions: readonly Decision[], waitMs: number | undefined): MaybePromise<readonly DecisionResult[]> {
    const results = this.#store.decide(decisions, waitMs);
    if (!decisions.some(mayNotify)) return results;
    return mapMaybe(results, (answers) => {
      this.#observe(decisions, answers);
      return answers;
    });
  }

  refund(receipts: readonly Receipt[]): Promise<readonly RefundResult[]> {
    return this.#store.refund(receipts);
  }

  correct(corrections: readonly Correction[]): Promise<readonly (StoreUnavailable | undefined)[]> {
    return this.#store.correct(corrections);
  }

  #observe(decisions: readonly Decision[], results: readonly DecisionResult[]): void {
    for (let index = 0; index < results.length; index++) {
      const result = elementAt(results, index);
      if (result instanceof StoreUnavailable) continue;
      if (result.source !== 'redis' && result.source !== 'memory') continue;
      const { charges } = elementAt(decisions, index);
      for (let position = 0; position < charges.length; position++) {
        const { subject, limit, hits } = elementAt(charges, position);
        if (limit.notifyAt === undefined || hits === 0) continue;
        const { remaining, freeAt, resetAfter } = elementAt(result.charges, position);
        this.#watch.observe({ subject, limit, remaining, answeredAt: freeAt - resetAfter });
      }
    }
  }
}

function mayNotify({ charges }: Decision): boolean {
  for (let index = 0; index < charges.length; index++) {
    if (charges[index]?.limit.notifyAt !== undefined) return true;
  }
  return false;
}
