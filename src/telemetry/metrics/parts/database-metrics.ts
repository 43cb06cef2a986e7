import { Gauge, type Registry } from 'prom-client';

/** The connections of a pool, as a scrape reads them. */
export interface ObservedPool {
  /** Open connections, idle ones included. */
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
}

/** Registers the metric of the connections to Postgres. Returns the function that adds the pool, once there is one. */
export function registerDatabaseMetrics(registry: Registry): (pool: ObservedPool) => void {
  let observed: ObservedPool | undefined;
  new Gauge({
    name: 'weir_database_connections',
    help: 'Connections of the admin API to Postgres by state: active, idle; waiting: queries that wait for one.',
    labelNames: ['state'] as const,
    registers: [registry],
    collect() {
      const { totalCount, idleCount, waitingCount } = observed ?? { totalCount: 0, idleCount: 0, waitingCount: 0 };
      this.set({ state: 'active' }, totalCount - idleCount);
      this.set({ state: 'idle' }, idleCount);
      this.set({ state: 'waiting' }, waitingCount);
    },
  });
  return (pool) => {
    observed = pool;
  };
}
