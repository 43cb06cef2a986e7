import { type Dashboard, graph, rate, select } from './panel.ts';

export const tenants: Dashboard = {
  name: 'tenants',
  title: 'Weir / Tenants',
  rows: [
    {
      title: 'Plans',
      panels: [
        graph('Requests by plan', 'reqps', [[rate('weir_plan_requests_total', 'plan'), '{{plan}}']]),
        graph('Share of requests that are not allowed', 'percentunit', [
          [
            `${rate('weir_plan_requests_total', 'plan', 'outcome!="allowed"')} / ${rate('weir_plan_requests_total', 'plan')}`,
            '{{plan}}',
          ],
        ]),
        graph('Active accounts', 'short', [[`max by (period) (${select('weir_active_accounts')})`, '{{period}}']]),
        graph('Rejected Checks by plan', 'reqps', [
          [`topk(10, ${rate('weir_check_refusals_total', 'plan')})`, '{{plan}}'],
        ]),
        graph('Limits that reject most', 'reqps', [
          [`topk(10, ${rate('weir_check_refusals_total', 'plan, limit')})`, '{{plan}} {{limit}}'],
        ]),
        graph('Answers to Check', 'reqps', [
          [rate('weir_decisions_total', 'verdict', 'question="check"'), '{{verdict}}'],
        ]),
      ],
    },
    {
      title: 'Credentials',
      panels: [
        graph('Rejected credentials', 'reqps', [[rate('weir_credentials_refused_total', 'fault'), '{{fault}}']]),
        graph('Rejected tokens', 'reqps', [[rate('weir_tokens_refused_total', 'fault'), '{{fault}}']]),
        graph('Devices', 'reqps', [[rate('weir_device_registrations_total', 'result'), '{{result}}']]),
      ],
    },
    {
      title: 'Usage',
      panels: [
        graph('Rows that wait for Postgres', 'short', [[select('weir_usage_backlog_rows'), '{{instance}}']]),
        graph('Requests whose usage was lost', 'reqps', [
          [rate('weir_usage_dropped_total', 'instance'), '{{instance}}'],
        ]),
        graph('Requests of the route "other"', 'reqps', [
          [rate('weir_usage_other_routes_total', 'instance'), '{{instance}}'],
        ]),
      ],
    },
    {
      title: 'Webhooks, audit trail, request log',
      panels: [
        graph('Deliveries', 'reqps', [[rate('weir_webhook_deliveries_total', 'result'), '{{result}}']]),
        graph('Deliveries that wait', 'short', [[`max(${select('weir_webhook_backlog')})`, 'deliveries']]),
        graph('Oldest event that waits', 's', [[`max(${select('weir_webhook_oldest_undelivered_seconds')})`, 'age']]),
        graph('Webhooks that were disabled', 'short', [
          [`sum(increase(${select('weir_webhooks_disabled_total')}[$__rate_interval]))`, 'webhooks'],
        ]),
        graph('Dropped audit events', 'reqps', [[rate('weir_audit_events_dropped_total', 'reason'), '{{reason}}']]),
        graph('Requests missing in the request log', 'reqps', [
          [rate('weir_request_log_dropped_total', 'reason'), '{{reason}}'],
        ]),
      ],
    },
  ],
};
