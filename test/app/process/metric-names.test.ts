import { execFile, spawnSync } from 'node:child_process';
import { describe, expect } from 'vitest';
import { check, httpStatus, parseDenial, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';
import { lintMetrics } from '../../support/lint-metrics.ts';

const RULES = `domain: edge
descriptors:
  - {key: route, value: narrow, rate_limit: {name: few, requests: 1, window: 1h}}
`;
const it = test.override('rules', RULES);

/** Runs the linter of Prometheus where it is installed. Returns what it prints; empty if nothing is wrong. */
function runPromtool(text: string): Promise<string> {
  return new Promise((resolve) => {
    const child = execFile('promtool', ['check', 'metrics'], (_, out, err) => resolve(`${out}${err}`));
    child.stdin?.end(text);
  });
}

describe('the metrics', () => {
  it('have nothing that promtool would report, once decisions were made', async ({ node, administrator }) => {
    await node.createPlan(administrator, 'linted', 1);
    const { secret } = await node.createKey(administrator, 'linted');
    for (let time = 0; time < 2; time++) await check(node.decision, { 'x-api-key': secret });
    await shouldRateLimit(node.decision, 'edge', ['route', 'wide']);
    const text = await node.metrics();
    expect(lintMetrics(text)).toEqual([]);
    if (spawnSync('promtool', ['--version']).status === 0) expect(await runPromtool(text)).toBe('');
  });

  it('of the process and of Node.js have their standard names', async ({ node }) => {
    const names = new Set([...(await node.metrics()).matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name));
    for (const name of [
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'process_start_time_seconds',
      'process_open_fds',
      'nodejs_eventloop_lag_p99_seconds',
      'nodejs_heap_size_used_bytes',
      'nodejs_gc_duration_seconds',
      'nodejs_version_info',
    ]) {
      expect(names).toContain(name);
    }
    expect([...names].filter((name) => /^weir_(?:process|nodejs)_/.test(name))).toEqual([]);
  });
});

it('requests are counted by plan and outcome, and the copy of the catalog by kind', async ({ node, administrator }) => {
  await node.createPlan(administrator, 'counted', 1);
  const { secret } = await node.createKey(administrator, 'counted');
  for (let time = 0; time < 3; time++) await check(node.decision, { 'x-api-key': secret });
  const metrics = await node.metrics();
  expect(metrics).toContain('weir_plan_requests_total{plan="counted",outcome="allowed"} 1\n');
  expect(metrics).toMatch(/^weir_plan_requests_total\{plan="counted",outcome="(?:rate_limited|quota_exceeded)"\} 2$/m);
  for (const kind of ['plan', 'account', 'api_key']) {
    expect(metrics).toMatch(new RegExp(`^weir_catalog_entries\\{kind="${kind}"\\} [1-9]`, 'm'));
  }
});

it('connections and calls in progress are counted by listener', async ({ node }) => {
  await check(node.decision, {});
  const metrics = await node.metrics();
  expect(metrics).toMatch(/^weir_connections\{listener="decision"\} [1-9]/m);
  expect(metrics).toContain('weir_streams{listener="decision"} 0\n');
  expect(metrics).toContain('weir_connections_closed_for_room_total{listener="decision"} 0\n');
});

it('refusals of Check are counted by plan and limit', async ({ node, administrator }) => {
  await node.createPlan(administrator, 'refused', 1);
  const { secret } = await node.createKey(administrator, 'refused');
  const statuses = [];
  for (let time = 0; time < 3; time++) statuses.push(httpStatus(await check(node.decision, { 'x-api-key': secret })));
  expect(statuses).toEqual([200, 429, 429]);
  for (let time = 0; time < 2; time++) await check(node.decision, {}, { 'weir.route': 'narrow' });
  expect(parseDenial(await check(node.decision, {}, { 'weir.route': 'narrow' }))?.code).toBe('rate_limited');
  const refusals = [...(await node.metrics()).matchAll(/^weir_check_refusals_total\{(.*)\} (\d+)$/gm)].map(
    ([, labels, count]) => `${labels} ${count}`,
  );
  expect(refusals).toContainEqual(expect.stringMatching(/^plan="refused",limit=".+" 2$/));
  expect(refusals).toContainEqual('plan="",limit="edge.route_narrow" 2');
});
