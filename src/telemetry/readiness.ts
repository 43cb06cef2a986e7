/** Beyond that the catalog may miss a revoked key; requests should go to a node that knows better. */
const STALE_AFTER_MS = 30_000;

/** What keeps this node from deciding, in words; probes ask for it. */
export class Readiness {
  #isLeaving = false;
  #catalog: { readonly staleness: number; readonly isTooStale: boolean } | undefined;
  #store: { readonly ready: boolean } | undefined;
  #storeWasReady = false;

  /** `staleness` in ms. */
  watch(
    catalog: { readonly staleness: number; readonly isTooStale: boolean },
    store: { readonly ready: boolean },
  ): void {
    this.#catalog = catalog;
    this.#store = store;
  }

  leave(): void {
    this.#isLeaving = true;
  }

  reasons(): readonly string[] {
    if (this.#catalog === undefined || this.#store === undefined) return ['starting'];
    const reasons: string[] = [];
    if (this.#isLeaving) reasons.push('stopping');
    if (this.#catalog.isTooStale || this.#catalog.staleness > STALE_AFTER_MS)
      reasons.push('the catalog cannot be followed');
    // Only at first: when Redis goes away later it does so for all nodes, and callers are better off with an answer.
    this.#storeWasReady ||= this.#store.ready;
    if (!this.#storeWasReady) reasons.push('Redis was not reached yet');
    return reasons;
  }
}
