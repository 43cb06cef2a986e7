import { Gauge, type Registry } from 'prom-client';
import type { NodeStatusReport } from '../../node-status.ts';
import { registerGauge } from '../read-at-scrape.ts';

/** Registers the gauge that says whether the node is ready. It reads the state at each scrape. */
export function registerReadyMetric(registry: Registry, readState: () => Promise<NodeStatusReport>): void {
  new Gauge({
    name: 'weir_ready',
    help: '1 while /readyz answers that the node is ready.',
    registers: [registry],
    async collect() {
      this.set(Number((await readState()).ready));
    },
  });
}

/** How many entries a copy of the catalog has. */
interface CatalogSizes {
  readonly plans: number;
  readonly accounts: number;
  readonly apiKeys: number;
  readonly devices: number;
}

/** Registers the gauge of the size of this node's copy of the catalog. */
export function registerCatalogMetric(registry: Registry, catalog: { readonly sizes: CatalogSizes }): void {
  new Gauge({
    name: 'weir_catalog_entries',
    help: "Entries of this node's copy of the catalog by kind: plan, account, api_key, device.",
    aggregator: 'max',
    labelNames: ['kind'] as const,
    registers: [registry],
    collect() {
      const { plans, accounts, apiKeys, devices } = catalog.sizes;
      this.set({ kind: 'plan' }, plans);
      this.set({ kind: 'account' }, accounts);
      this.set({ kind: 'api_key' }, apiKeys);
      this.set({ kind: 'device' }, devices);
    },
  });
}

/** Registers the gauges of what decisions depend on. They read the status at each scrape. */
export function registerDependencyMetrics(registry: Registry, readStatus: () => NodeStatusReport): void {
  const toNumber = (flag: boolean | undefined) => (flag === undefined ? undefined : Number(flag));
  registerGauge(
    registry,
    'weir_catalog_staleness_seconds',
    "Time since this node's copy of the catalog was last known to be current.",
    () => readStatus().catalog?.ageSeconds,
    'max',
  );
  registerGauge(
    registry,
    'weir_catalog_feed_connected',
    '1 while the node reads the changes of the catalog from Postgres.',
    () => toNumber(readStatus().catalog?.feedConnected),
    'min',
  );
  registerGauge(
    registry,
    'weir_counters_reachable',
    '1 while the node reaches its counters: Redis, or its own memory.',
    () => toNumber(readStatus().counters?.reachable),
    'min',
  );
}

/** Registers the gauge of the processes that decide, which `weir_live_nodes` counts. */
export function registerWorkersMetric(registry: Registry, workers: number): void {
  new Gauge({
    name: 'weir_workers',
    help: 'Processes of this node that decide, by its configuration; 0 with the role admin. Each counts as a live node.',
    registers: [registry],
  }).set(workers);
}
