import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { DASHBOARD_FOLDER, DASHBOARDS } from '../../scripts/deploy/dashboards/all-dashboards.ts';
import { renderDashboard } from '../../scripts/deploy/dashboards/render.ts';
import { test as it } from '../support/fixtures.ts';
import { listSeries } from './list-series.ts';
import { parseExpression } from './promql.ts';

const queries = DASHBOARDS.flatMap(({ name, rows }) =>
  rows.flatMap(({ panels }) =>
    panels.flatMap((panel) =>
      panel.queries.map(([expression, legend]) => ({ expression, legend, panel: `${name}: ${panel.title}` })),
    ),
  ),
);

describe('the dashboards of the chart', () => {
  it('are those that npm run dashboards writes', () => {
    expect(readdirSync(DASHBOARD_FOLDER).sort()).toEqual(DASHBOARDS.map(({ name }) => `${name}.json`).sort());
    for (const dashboard of DASHBOARDS) {
      expect(readFileSync(`${DASHBOARD_FOLDER}/${dashboard.name}.json`, 'utf8')).toBe(renderDashboard(dashboard));
    }
  });

  it('have only expressions that parse', () => {
    const faults = queries.flatMap(({ panel, expression }) =>
      parseExpression(expression).faults.map((fault) => `${panel}: ${fault}`),
    );
    expect(faults).toEqual([]);
  });

  it('use only metrics of a running node', async ({ metrics }) => {
    const known = new Set(['up', ...listSeries(await metrics())]);
    const unknown = queries.flatMap(({ panel, expression }) =>
      parseExpression(expression)
        .metrics.filter((name) => !known.has(name))
        .map((name) => `${panel}: ${name}`),
    );
    expect(unknown).toEqual([]);
  });

  it('name each series by labels that the expression keeps', () => {
    const faults = queries.flatMap(({ panel, expression, legend }) => {
      const grouping = /\bby \(([^)]*)\)/.exec(expression)?.[1];
      const labels = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
      const kept = grouping?.split(', ');
      return labels.filter((label) => kept !== undefined && !kept.includes(label)).map((label) => `${panel}: ${label}`);
    });
    expect(faults).toEqual([]);
  });
});
