import type { CounterStore, Decision, Outcome, StoreUnavailable } from './ports.ts';

/**
 * A question that has been thought through as far as memory reaches: what it charges, and how to answer it once the
 * counters have spoken. No charges: it is judged without them.
 */
export interface Consideration<Verdict> extends Decision {
  /** `outcome` is undefined when there was nothing to charge, StoreUnavailable when the counters could not tell. */
  judge(outcome: Outcome | StoreUnavailable | undefined): Verdict;
}

/**
 * Answers a batch of considered questions with one call of the store, in their order.
 * Rejects only with a fault of the program, never because the store is away.
 */
export async function decideBatch<Verdict>(
  store: CounterStore,
  considerations: readonly Consideration<Verdict>[],
): Promise<readonly Verdict[]> {
  const charging = considerations.filter(({ charges }) => charges.length > 0);
  const outcomes = charging.length === 0 ? [] : await store.decide(charging);
  let next = 0;
  return considerations.map((consideration) => {
    if (consideration.charges.length === 0) return consideration.judge(undefined);
    const outcome = outcomes[next++];
    // To `judge`, no outcome means that there was nothing to charge, and lets the request in.
    if (outcome === undefined) throw new Error('the store gave fewer outcomes than it was asked for');
    return consideration.judge(outcome);
  });
}
