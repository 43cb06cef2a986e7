import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { test as it } from '../support/fixtures.ts';
import { section, tableCodes } from './markdown.ts';

const page = readFileSync('docs/metrics.md', 'utf8');
const table = section(page, '## Metrics');
const sorted = (names: Iterable<string>) => [...names].sort();

describe('docs/metrics.md', () => {
  it('lists exactly the metrics of a running node, each with its type', async ({ metrics }) => {
    const types = [...(await metrics()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => ({
      name,
      type,
    }));
    const own = types.filter(({ name }) => name.startsWith('weir_'));
    const rows = [...table.matchAll(/^\| `(weir_\w+)` \| (\w+) \|/gm)].map(([, name = '', type = '']) => ({
      name,
      type,
    }));
    const byName = (list: readonly { name: string; type: string }[]) =>
      list.map(({ name, type }) => `${name} ${type}`).sort();
    expect(byName(rows)).toEqual(byName(own));
  });

  it('names no metric elsewhere that a node does not have', async ({ metrics }) => {
    const text = await metrics();
    const docs = [
      'docs/troubleshooting.md',
      'docs/rules.md',
      'docs/rate-limit-service.md',
      'docs/tokens.md',
      'docs/metrics.md',
    ];
    const named = docs.flatMap((file) => readFileSync(file, 'utf8').match(/\bweir_[a-z_]+[a-z]\b/g) ?? []);
    expect(sorted(new Set(named)).filter((name) => !text.includes(`# TYPE ${name}`))).toEqual([]);
  });

  it('lists every label of a metric that has values', async ({ metrics }) => {
    const documented = tableCodes(table, /^[a-z_]+$/, 2);
    const lines = (await metrics()).split('\n').filter((line) => /^weir_/.test(line));
    const used = lines.flatMap((line) => [...line.matchAll(/[{,]([a-z_]+)="/g)].map(([, label = '']) => label));
    expect([...new Set(used)].filter((label) => label !== 'le' && !documented.has(label))).toEqual([]);
  });
});
