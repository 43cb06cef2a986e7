import { describe, expect, it } from 'vitest';
import { lintMetrics } from './lint-metrics.ts';

describe('the lint of metrics', () => {
  it.each([
    ['# TYPE a counter\na 1\n', ['a: no help text', 'a: counter metrics should have "_total" suffix']],
    [
      '# HELP a_total A.\n# TYPE a_total gauge\na_total 1\n',
      ['a_total: non-counter metrics should not have "_total" suffix'],
    ],
    ['# HELP a_ms A.\n# TYPE a_ms gauge\na_ms 1\n', ['a_ms: metric names should not contain abbreviated units']],
    ['# HELP a_minutes A.\n# TYPE a_minutes gauge\na_minutes 1\n', ['a_minutes: use base unit "seconds"']],
    [
      '# HELP a A.\n# TYPE a gauge\na{le="1",bC="2"} 1\n',
      ['a: non-histogram with label "le"', 'a: label names should be in snake_case'],
    ],
    [
      '# HELP a_seconds A.\n# TYPE a_seconds histogram\na_seconds_bucket{le="1"} 1\na_seconds_sum 1\na_seconds_count 1\n',
      [],
    ],
  ])('of %j finds %j', (text, problems) => expect(lintMetrics(text)).toEqual(problems));
});
