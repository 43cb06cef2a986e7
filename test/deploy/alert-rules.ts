import { readdirSync, readFileSync } from 'node:fs';
import { load } from 'js-yaml';

/** A rule of deploy/helm/weir/monitoring/alerts.yaml: an alert, or the recording of a series. */
export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A test for promtool. */
export interface RuleTest {
  readonly name: string;
  readonly input_series: readonly { readonly series: string }[];
  readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
}

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
}

const RULES = 'deploy/helm/weir/monitoring/alerts.yaml';
const TESTS = 'deploy/monitoring/tests';

/** Reads all rules. */
export function readRules(): readonly Rule[] {
  // The caller tests the content.
  const { groups } = load(readFileSync(RULES, 'utf8')) as RuleFile;
  return groups.flatMap(({ rules }) => rules);
}

/** Reads the tests of all files for promtool. */
export function readRuleTests(): readonly RuleTest[] {
  return readdirSync(TESTS).flatMap((file) => {
    // promtool checks the form.
    const { tests } = load(readFileSync(`${TESTS}/${file}`, 'utf8')) as { tests: readonly RuleTest[] };
    return tests;
  });
}
