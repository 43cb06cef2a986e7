interface CatalogState {
  /** Whether the copy is older than CATALOG_MAX_STALENESS. */
  readonly isTooStale: boolean;
}

/**
 * Knows why this node cannot decide. Readiness probes ask for it.
 *
 * An outage of Postgres or Redis reaches all nodes at once, and every node can decide without them: from its copy of
 * the catalog, and by its own counters. So an outage alone makes no node leave.
 */
export class Readiness {
  #isStopping = false;
  #catalog: CatalogState | undefined;
  #waitingFor: string | undefined;

  /** Adds what a node that is starting waits for, as a phrase; undefined: it waits for nothing. */
  waitFor(phrase: string | undefined): void {
    this.#waitingFor = phrase;
  }

  /** Ends the start. Until this is called, the node is starting. */
  finishStart(catalog: CatalogState): void {
    this.#catalog = catalog;
  }

  beginShutdown(): void {
    this.#isStopping = true;
  }

  /** Returns the reasons as phrases; none where the node can decide. */
  reasons(): readonly string[] {
    if (this.#catalog === undefined)
      return this.#waitingFor === undefined ? ['starting'] : ['starting', this.#waitingFor];
    const reasons: string[] = [];
    if (this.#isStopping) reasons.push('stopping');
    if (this.#catalog.isTooStale) reasons.push('the catalog is out of date');
    return reasons;
  }
}
