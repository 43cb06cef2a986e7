/** With an older copy of the catalog a revoked key could still pass. Requests should go to a node with a newer one. */
const MAX_CATALOG_STALENESS_MS = 30_000;

interface CatalogState {
  /** Age of this node's copy, in ms. */
  readonly staleness: number;
  readonly isTooStale: boolean;
}

interface StoreState {
  readonly ready: boolean;
}

/** Knows why this node cannot decide. Readiness probes ask for it. */
export class Readiness {
  #isStopping = false;
  #catalog: CatalogState | undefined;
  #store: StoreState | undefined;
  #wasStoreReady = false;

  /** Until this is called, the node is starting. */
  setDependencies(catalog: CatalogState, store: StoreState): void {
    this.#catalog = catalog;
    this.#store = store;
  }

  beginShutdown(): void {
    this.#isStopping = true;
  }

  /** Returns the reasons as phrases; none where the node can decide. */
  reasons(): readonly string[] {
    if (this.#catalog === undefined || this.#store === undefined) return ['starting'];
    const reasons: string[] = [];
    if (this.#isStopping) reasons.push('stopping');
    if (this.#catalog.isTooStale || this.#catalog.staleness > MAX_CATALOG_STALENESS_MS)
      reasons.push('the catalog is out of date');
    // Redis counts only until it was reached once. When it goes away later, it does so for all nodes, and an answer by
    // their own counters is better than none.
    this.#wasStoreReady ||= this.#store.ready;
    if (!this.#wasStoreReady) reasons.push('Redis has not been reached yet');
    return reasons;
  }
}
