import { type Dashboard, graph, quantile, rate, select } from './panel.ts';

export const stores: Dashboard = {
  name: 'stores',
  title: 'Weir / Redis and Postgres',
  rows: [
    {
      title: 'Redis',
      panels: [
        graph('Counters reachable', 'short', [[select('weir_counters_reachable'), '{{instance}}']]),
        graph('Circuit breakers open', 'short', [[select('weir_redis_breaker_open'), '{{instance}} {{server}}']]),
        graph('Openings of circuit breakers', 'short', [
          [
            `sum by (server) (increase(${select('weir_redis_breaker_openings_total')}[$__rate_interval]))`,
            '{{server}}',
          ],
        ]),
        graph('Decisions that Redis did not make', 'reqps', [
          [rate('weir_counters_missed_total', 'reason'), '{{reason}}'],
        ]),
        graph('Round trips, 99th percentile', 's', [
          [quantile(0.99, 'weir_redis_round_trip_seconds', 'instance'), '{{instance}}'],
        ]),
        graph('Evicted keys', 'short', [
          [`max(increase(${select('weir_redis_evicted_keys_total')}[$__rate_interval]))`, 'Redis'],
        ]),
        graph('Leased counters', 'short', [[select('weir_leased_counters'), '{{instance}}']]),
        graph('Late replies, by the late part', 'reqps', [[rate('weir_late_replies_total', 'part'), '{{part}}']]),
        graph('Decisions made alone', 'reqps', [
          [rate('weir_local_decisions_total', 'instance, counters'), '{{instance}} {{counters}}'],
        ]),
        graph('Nodes that share the counters', 'short', [[select('weir_live_nodes'), '{{instance}}']]),
        graph('Room that is taken', 'percentunit', [[`max(${select('weir_counters_fill_ratio')})`, 'Redis']]),
      ],
    },
    {
      title: 'Late charges and failovers',
      panels: [
        graph('Late charges', 'reqps', [
          [rate('weir_late_charges_total', 'job'), 'charges'],
          [rate('weir_late_charged_hits_total', 'job'), 'hits'],
        ]),
        graph('Counters with hits that are not charged yet', 'short', [
          [select('weir_owing_counters'), '{{instance}}'],
        ]),
        graph('Lost counters found', 'short', [
          [`sum by (kind) (increase(${select('weir_counters_lost_total')}[$__rate_interval]))`, '{{kind}}'],
        ]),
        graph('Hits charged again', 'reqps', [[rate('weir_repaired_hits_total', 'instance'), '{{instance}}']]),
        graph('Time that the history covers', 's', [[select('weir_history_covered_seconds'), '{{instance}}']]),
        graph('Memory of the history', 'bytes', [[select('weir_history_bytes'), '{{instance}}']]),
      ],
    },
    {
      title: 'Postgres',
      panels: [
        graph('Connections of the admin API', 'short', [
          [`sum by (instance, state) (${select('weir_database_connections')})`, '{{instance}} {{state}}'],
        ]),
        graph('Statements of the admin API, 99th percentile', 's', [
          [quantile(0.99, 'weir_database_query_seconds', 'instance'), '{{instance}}'],
        ]),
        graph('Age of the catalog', 's', [[select('weir_catalog_staleness_seconds'), '{{instance}}']]),
        graph('Change feed connected', 'short', [[select('weir_catalog_feed_connected'), '{{instance}}']]),
        graph('Rows of usage that wait', 'short', [[select('weir_usage_backlog_rows'), '{{instance}}']]),
      ],
    },
    {
      title: 'Checkpoints of quotas',
      panels: [
        graph('Age', 's', [[select('weir_checkpoint_age_seconds'), '{{instance}}']]),
        graph('Quotas that wait', 'short', [[select('weir_checkpoints_waiting'), '{{instance}}']]),
        graph('Written and dropped', 'reqps', [
          [rate('weir_checkpoints_written_total', 'job'), 'written'],
          [rate('weir_checkpoints_dropped_total', 'job'), 'dropped'],
        ]),
        graph('Differences from the counters', 'short', [
          [`max(${select('weir_checkpoint_missing_hits')})`, 'hits that counters lack'],
          [`max(${select('weir_checkpoint_unwritten_hits')})`, 'hits that checkpoints lack'],
        ]),
        graph('Tags that are not restored yet', 'short', [[select('weir_checkpoint_lost_tags'), '{{instance}}']]),
        graph('Restored counters and held decisions', 'reqps', [
          [rate('weir_checkpoint_restored_counters_total', 'job'), 'counters restored'],
          [rate('weir_checkpoint_held_decisions_total', 'job'), 'decisions held'],
        ]),
      ],
    },
  ],
};
