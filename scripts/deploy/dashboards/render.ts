import type { Dashboard, Panel, Row } from './panel.ts';

/** Width of a dashboard in units of Grafana's grid. */
const GRID_WIDTH = 24;
const SIZES = { timeseries: { w: 8, h: 8 }, stat: { w: 4, h: 4 } };
const DATASOURCE = { type: 'prometheus', uid: '$datasource' };

/** Renders a dashboard as the JSON that Grafana imports. */
export function renderDashboard({ name, title, rows }: Dashboard): string {
  const dashboard = {
    uid: `weir-${name}`,
    title,
    tags: ['weir'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    templating: { list: renderVariables() },
    panels: renderRows(rows),
  };
  return `${JSON.stringify(dashboard, undefined, 2)}\n`;
}

function renderVariables(): readonly unknown[] {
  const variable = { type: 'query', datasource: DATASOURCE, refresh: 2, sort: 1 };
  return [
    { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
    { ...variable, name: 'job', label: 'Job', query: 'label_values(weir_build_info, job)' },
    {
      ...variable,
      name: 'instance',
      label: 'Node',
      query: 'label_values(weir_build_info{job="$job"}, instance)',
      multi: true,
      includeAll: true,
      allValue: '.*',
      current: { text: 'All', value: '$__all' },
    },
  ];
}

/** Places rows below each other, and the panels of a row from left to right. */
function renderRows(rows: readonly Row[]): readonly unknown[] {
  const panels: unknown[] = [];
  let y = 0;
  for (const row of rows) {
    panels.push({ id: panels.length + 1, type: 'row', title: row.title, gridPos: { x: 0, y, w: GRID_WIDTH, h: 1 } });
    y++;
    let x = 0;
    let rowHeight = 0;
    for (const panel of row.panels) {
      const { w, h } = SIZES[panel.kind];
      if (x + w > GRID_WIDTH) {
        x = 0;
        y += rowHeight;
        rowHeight = 0;
      }
      panels.push(renderPanel(panel, panels.length + 1, { x, y, w, h }));
      x += w;
      rowHeight = Math.max(rowHeight, h);
    }
    y += rowHeight;
  }
  return panels;
}

function renderPanel({ kind, title, description, unit, queries }: Panel, id: number, gridPos: unknown): unknown {
  return {
    id,
    type: kind,
    title,
    description,
    datasource: DATASOURCE,
    gridPos,
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    ...(kind === 'timeseries' && { options: { tooltip: { mode: 'multi', sort: 'desc' } } }),
    targets: queries.map(([expr, legendFormat], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATASOURCE,
      expr,
      legendFormat,
    })),
  };
}
