import { type Dashboard, graph, quantile, rate, select, stat } from './panel.ts';

/** Decisions that Weir could not make. deploy/helm/weir/monitoring/alerts.yaml has the same list. */
const ERRORS = 'verdict=~".*unavailable|invalid.*|catalog_stale"';
/** Requests that a limit rejected. deploy/helm/weir/monitoring/alerts.yaml has the same list. */
const REJECTIONS = 'verdict=~"rate_limited|quota_exceeded|cost_exceeds_limit|credits_exhausted|over_limit"';

export const overview: Dashboard = {
  name: 'overview',
  title: 'Weir / Overview',
  rows: [
    {
      title: 'Now',
      panels: [
        stat('Nodes that answer', 'short', [['sum(up{job="$job", instance=~"$instance"})', '']]),
        stat('Nodes that are ready', 'short', [[`sum(${select('weir_ready')})`, '']]),
        stat('Decisions', 'reqps', [[`sum(rate(${select('weir_decisions_total')}[$__rate_interval]))`, '']]),
        stat('Failed decisions', 'percentunit', [
          [`${rate('weir_decisions_total', 'job', ERRORS)} / ${rate('weir_decisions_total', 'job')}`, ''],
        ]),
        stat('99th percentile', 's', [[quantile(0.99, 'weir_decision_seconds', ''), '']]),
        stat('Versions', 'short', [
          [`count by (version) (${select('weir_build_info', 'process="control"')})`, '{{version}}'],
        ]),
      ],
    },
    {
      title: 'Decisions',
      panels: [
        graph('Decisions by question', 'reqps', [[rate('weir_decisions_total', 'question'), '{{question}}']]),
        graph('Verdicts', 'reqps', [[rate('weir_decisions_total', 'question, verdict'), '{{question}} {{verdict}}']]),
        graph('Who decided', 'reqps', [[rate('weir_decisions_total', 'source'), '{{source}}']]),
        graph('Failed decisions', 'reqps', [[rate('weir_decisions_total', 'verdict', ERRORS), '{{verdict}}']]),
        graph('Rejections (429)', 'reqps', [[rate('weir_decisions_total', 'verdict', REJECTIONS), '{{verdict}}']]),
        graph('Decision time', 's', [
          [quantile(0.5, 'weir_decision_seconds', 'question'), '{{question}} p50'],
          [quantile(0.99, 'weir_decision_seconds', 'question'), '{{question}} p99'],
        ]),
      ],
    },
    {
      title: 'Admin API',
      panels: [
        graph('Calls by code', 'reqps', [[rate('weir_admin_calls_total', 'code'), '{{code}}']]),
        graph('Slowest methods (p99)', 's', [
          [`topk(10, ${quantile(0.99, 'weir_admin_call_seconds', 'method')})`, '{{method}}'],
        ]),
        graph('Rejected before any work', 'reqps', [
          [rate('weir_admin_calls_rejected_total', 'method, reason'), '{{method}} {{reason}}'],
        ]),
        graph('Sign-ins', 'reqps', [[rate('weir_sign_ins_total', 'outcome'), '{{outcome}}']]),
        graph('Password hashes', 'reqps', [[rate('weir_password_hashes_total', 'instance'), '{{instance}}']]),
      ],
    },
    {
      title: 'Nodes',
      panels: [
        graph('Processor time', 'short', [
          [rate('process_cpu_seconds_total', 'instance, process'), '{{instance}} {{process}}'],
        ]),
        graph('Resident memory', 'bytes', [[select('process_resident_memory_bytes'), '{{instance}} {{process}}']]),
        graph('Event-loop delay (p99)', 's', [
          [select('nodejs_eventloop_lag_p99_seconds'), '{{instance}} {{process}}'],
        ]),
        graph('Connections', 'short', [[select('weir_connections'), '{{instance}} {{listener}}']]),
        graph('Calls in progress', 'short', [[select('weir_streams'), '{{instance}} {{listener}}']]),
        graph('Certificates expire in', 's', [
          [`${select('weir_certificate_expiry_timestamp_seconds')} - time()`, '{{instance}} {{listener}}'],
        ]),
        graph('Age of the catalog', 's', [[select('weir_catalog_staleness_seconds'), '{{instance}}']]),
        graph('Rules outdated', 'short', [[select('weir_rules_outdated'), '{{instance}}']]),
        graph('Changes of the rules', 'short', [
          [`sum by (result) (increase(${select('weir_rules_reloads_total')}[$__rate_interval]))`, '{{result}}'],
        ]),
      ],
    },
  ],
};
