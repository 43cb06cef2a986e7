import { describe, expect, it } from 'vitest';
import { DecisionLog } from './decision-log.ts';
import { LogOutput } from './log-output.ts';

const DRAWS = 100_000;

function countSelected(log: DecisionLog, isDenied: boolean): number {
  let selected = 0;
  for (let draw = 0; draw < DRAWS; draw++) if (log.selects(isDenied)) selected++;
  return selected;
}

describe('DecisionLog', () => {
  it('selects all or none of the decisions whose chance is 1 or 0', () => {
    const log = new DecisionLog({ allowed: 0, denied: 1 }, new LogOutput());
    expect([countSelected(log, false), countSelected(log, true)]).toEqual([0, DRAWS]);
  });

  it('selects about a share of the others', () => {
    const log = new DecisionLog({ allowed: 0.01, denied: 0.1 }, new LogOutput());
    // Seven standard deviations around the mean.
    expect(Math.abs(countSelected(log, false) - 1_000)).toBeLessThan(220);
    expect(Math.abs(countSelected(log, true) - 10_000)).toBeLessThan(664);
  });
});
