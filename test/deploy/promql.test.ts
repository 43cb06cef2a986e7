import { describe, expect, it } from 'vitest';
import { parseExpression } from './promql.ts';

describe('an expression in PromQL', () => {
  it('names its metrics', () => {
    const text = 'sum by (a) (rate(x_total{a=~"b.*"}[$__rate_interval])) / on (a) y:z offset 1w > 3';
    expect(parseExpression(text)).toEqual({ metrics: ['x_total', 'y:z'], faults: [] });
  });

  it.each(['sum(rate(x_total[5m])', 'x{a=b}', 'rate(x[5 apples])', ''])('%j does not parse', (text) => {
    expect(parseExpression(text).faults).not.toEqual([]);
  });
});
