import { type Dashboard, graph, rate, select } from './panel.ts';

const top = (expression: string) => `topk(10, ${expression})`;

export const limits: Dashboard = {
  name: 'limits',
  title: 'Weir / Limits',
  rows: [
    {
      title: 'Rules and plans that reject most',
      panels: [
        graph('Rules of the rate limit service', 'reqps', [
          [top(rate('weir_rule_decisions_total', 'rule', 'verdict="over_limit"')), '{{rule}}'],
        ]),
        graph('Limits that reject a Check', 'reqps', [
          [top(rate('weir_check_refusals_total', 'plan, limit')), '{{plan}} {{limit}}'],
        ]),
        graph('Busiest rules', 'reqps', [[top(rate('weir_rule_decisions_total', 'rule')), '{{rule}}']]),
      ],
    },
    {
      title: 'Trials: shadow mode and candidates',
      panels: [
        graph(
          'Rules in shadow mode: would reject',
          'reqps',
          [[top(rate('weir_shadow_decisions_total', 'rule', 'verdict="would_deny"')), '{{rule}}']],
          'Admitted requests that the rule would have rejected.',
        ),
        graph(
          'Candidates: would reject',
          'reqps',
          [[top(rate('weir_candidate_decisions_total', 'rule', 'verdict="would_deny"')), '{{rule}}']],
          'Admitted requests that the candidate would have rejected.',
        ),
        graph('Verdicts of trials', 'reqps', [
          [rate('weir_shadow_decisions_total', 'verdict'), 'shadow {{verdict}}'],
          [rate('weir_candidate_decisions_total', 'verdict'), 'candidate {{verdict}}'],
        ]),
      ],
    },
    {
      title: 'Usage that is reported after the fact',
      panels: [
        graph('Receipts', 'reqps', [[rate('weir_receipts_total', 'use, result'), '{{use}} {{result}}']]),
        graph('Forgotten usage', 'reqps', [[top(rate('weir_forgotten_usage_total', 'rule')), '{{rule}}']]),
        graph('Reported shares of limits', 'reqps', [[rate('weir_limit_thresholds_total', 'result'), '{{result}}']]),
      ],
    },
    {
      title: 'Configuration',
      panels: [
        graph('Settings that are not understood', 'reqps', [
          [rate('weir_configuration_faults_total', 'name, result'), '{{name}} {{result}}'],
        ]),
        graph('Concurrency limits that Check does not enforce', 'reqps', [
          [top(rate('weir_concurrency_unenforced_total', 'rule')), '{{rule}}'],
        ]),
      ],
    },
    {
      title: 'Room for counters',
      panels: [
        graph('Room that is taken', 'percentunit', [[select('weir_counters_fill_ratio'), '{{instance}}']]),
        graph('Counters by rule', 'short', [[top(`max by (rule) (${select('weir_counters')})`), '{{rule}}']]),
        graph('Decisions without room', 'reqps', [[top(rate('weir_counters_refused_total', 'rule')), '{{rule}}']]),
      ],
    },
  ],
};
