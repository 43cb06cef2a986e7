import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { anchors } from '../docs/markdown.ts';
import { test as it } from '../support/fixtures.ts';
import { readRules, readRuleTests } from './alert-rules.ts';
import { listSeries } from './list-series.ts';
import { parseExpression } from './promql.ts';

const rules = readRules();
const alerts = rules.filter(({ alert }) => alert !== undefined);
const recorded = rules.flatMap(({ record }) => record ?? []);
const names = alerts.map(({ alert }) => alert ?? '');
/** Prometheus itself makes this series for each target. */
const SERIES_OF_PROMETHEUS = 'up';

describe('deploy/helm/weir/monitoring/alerts.yaml', () => {
  it.each(rules.map(({ alert, record, expr }) => [alert ?? record ?? '', expr]))('%s parses', (_name, expr) => {
    expect(parseExpression(expr).faults).toEqual([]);
  });

  it('uses only metrics of a running node and series that it records', async ({ metrics }) => {
    const known = new Set([SERIES_OF_PROMETHEUS, ...recorded, ...listSeries(await metrics())]);
    const used = rules.flatMap(({ expr }) => parseExpression(expr).metrics);
    expect(used.filter((name) => !known.has(name))).toEqual([]);
  });

  it('gives each alert a severity, a summary, a description and a section of docs/runbooks.md', () => {
    for (const { alert = '', labels, annotations } of alerts) {
      expect(labels?.severity, alert).toMatch(/^(?:critical|warning)$/);
      expect(annotations, alert).toEqual({
        summary: expect.stringMatching(/^[A-Z].*[^.]$/),
        description: expect.stringMatching(/\.$/),
        runbook_url: `https://weir.example/docs/runbooks.md#${alert.toLowerCase()}`,
      });
    }
  });

  it('has a section of docs/runbooks.md for each alert, and no other', () => {
    const sections = [...anchors(readFileSync('docs/runbooks.md', 'utf8'))].filter((name) => name !== 'runbooks');
    expect(sections.sort()).toEqual(names.map((name) => name.toLowerCase()).sort());
  });

  it('has a test that fires and one that stays silent for each alert', () => {
    const tests = readRuleTests().map(({ name, alert_rule_test: [check] }) => {
      const isFiring = (check?.exp_alerts.length ?? 0) > 0;
      expect(name).toBe(`${check?.alertname} ${isFiring ? 'fires' : 'stays silent'}`);
      return name;
    });
    expect(tests.sort()).toEqual(names.flatMap((name) => [`${name} fires`, `${name} stays silent`]).sort());
  });

  it('is tested with metrics of a running node only', async ({ metrics }) => {
    const known = new Set([SERIES_OF_PROMETHEUS, ...listSeries(await metrics())]);
    const used = readRuleTests().flatMap((test) => test.input_series.map(({ series }) => series.replace(/\{.*/, '')));
    expect(used.filter((name) => !known.has(name))).toEqual([]);
  });
});
