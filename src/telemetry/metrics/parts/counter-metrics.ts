import { Gauge, type Registry } from 'prom-client';
import { registerGauge, registerTallies, registerTotal, registerTotals } from '../read-at-scrape.ts';

interface RuleCounters {
  readonly rule: string;
  readonly counters: number;
}

/** The counters of this node, as a scrape reads them. */
export interface ObservedCounters {
  /** `ratio` is the part of the room that is taken. undefined: the room has no known bound. */
  readonly fill: {
    readonly ratio: number | undefined;
    /** undefined: the counters are in memory, which drops none. */
    readonly evicted?: number;
    readonly byRule: readonly RuleCounters[];
  };
  /** Decisions for which the memory of this process had no room, by rule. */
  readonly refused: readonly RuleCounters[];
  /** The number of counters whose slices this node leases. */
  readonly leasedCounters: number;
  readonly outage: {
    readonly missed: ReadonlyMap<string, number>;
    readonly lateReplies: ReadonlyMap<string, number>;
    readonly decidedFromKnown: number;
    readonly decidedFromUnknown: number;
    readonly lateChargesSent: number;
    readonly lateHits: number;
    readonly owingCounters: number;
  };
  readonly failover: {
    readonly tally: { readonly losses: Readonly<Record<string, number>>; readonly hits: number };
    readonly coveredSeconds: number;
    readonly bytes: number;
  };
}

/** Registers the metrics that say how full the counters are, and how many counters each rule has. */
export function registerCounterMetrics(registry: Registry, counters: ObservedCounters): void {
  new Gauge({
    name: 'weir_counters',
    help: 'Counters by the domain and keys of their rule, or catalog for keys, accounts and tokens. Estimated in Redis.',
    labelNames: ['rule'],
    aggregator: 'max', // each worker estimates the same counters
    registers: [registry],
    collect() {
      this.reset();
      for (const { rule, counters: count } of counters.fill.byRule) this.set({ rule }, count);
    },
  });
  registerGauge(
    registry,
    'weir_counters_fill_ratio',
    'Part of the room for counters that is taken, 0 to 1. In Redis the memory; 0 there without maxmemory.',
    () => counters.fill.ratio ?? 0,
    'max',
  );
  registerGauge(
    registry,
    'weir_leased_counters',
    'Counters whose slices this node leases (lease: true). It grants from a slice without Redis.',
    () => counters.leasedCounters,
  );
  registerTallies(registry, () => (counters.fill.evicted === undefined ? [] : [{ count: counters.fill.evicted }]), {
    name: 'weir_redis_evicted_keys_total',
    help: 'Keys that Redis has evicted since its start. Each may have been a counter, whose limit then began again.',
    labelNames: [],
    aggregator: 'max', // each worker reads it
  });
  registerTotals(
    registry,
    {
      name: 'weir_counters_refused_total',
      help: 'Decisions for which the memory of this node had no room, so that on_store_failure decided, by rule.',
      label: 'rule',
    },
    () => counters.refused.map(({ rule, counters: count }) => [rule, count] as const),
  );
}

/** Registers the metrics of what this node did without the shared counters. */
export function registerOutageMetrics(registry: Registry, { outage }: Pick<ObservedCounters, 'outage'>): void {
  registerTotals(
    registry,
    {
      name: 'weir_counters_missed_total',
      help: 'Decisions that the shared counters did not make in time, so that on_store_failure decided, by reason.',
      label: 'reason',
    },
    () => outage.missed,
  );
  registerTotals(
    registry,
    {
      name: 'weir_late_replies_total',
      help: 'Calls of Redis with a reply after the deadline, by the part that was late: node, request (until Redis executed it) or reply.',
      label: 'part',
    },
    () => outage.lateReplies,
  );
  registerTotals(
    registry,
    {
      name: 'weir_local_decisions_total',
      help: 'Decisions of this node alone. known: it continued from what Redis had last said about all of their counters.',
      label: 'counters',
    },
    () => [
      ['known', outage.decidedFromKnown],
      ['unknown', outage.decidedFromUnknown],
    ],
  );
  registerTotal(registry, 'weir_late_charges_total', 'Late charges that were sent, repetitions included.', () => {
    return outage.lateChargesSent;
  });
  registerTotal(registry, 'weir_late_charged_hits_total', 'Hits that this node granted alone and charged late.', () => {
    return outage.lateHits;
  });
  registerGauge(
    registry,
    'weir_owing_counters',
    'Counters with hits that this node granted alone and has not charged in Redis yet.',
    () => outage.owingCounters,
  );
}

/** Registers the metrics of what this node remembers for a failover of Redis, and of what it charged again. */
export function registerFailoverMetrics(registry: Registry, { failover }: Pick<ObservedCounters, 'failover'>): void {
  registerGauge(
    registry,
    'weir_history_covered_seconds',
    'Seconds for which this node remembers what Redis granted, to charge it again after a failover.',
    () => failover.coveredSeconds,
    'min',
  );
  registerGauge(
    registry,
    'weir_history_bytes',
    'Memory of what this node remembers for a failover.',
    () => failover.bytes,
  );
  registerTotals(
    registry,
    {
      name: 'weir_counters_lost_total',
      help: 'Times that a tag of counters was found lost in Redis, by kind (empty, shorter). One server is one tag.',
      label: 'kind',
    },
    () => Object.entries(failover.tally.losses),
  );
  registerTotal(registry, 'weir_repaired_hits_total', 'Hits that Redis had lost and this node charged again.', () => {
    return failover.tally.hits;
  });
}
