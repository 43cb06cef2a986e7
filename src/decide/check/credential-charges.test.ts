import { describe, expect, it } from 'vitest';
import { type Plan, readCountedLimits } from '../../domain/limits/plan.ts';
import type { UntrustedPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import { findHeldLimits, type SupersededLimitSpec } from '../../domain/limits/superseded-limit.ts';
import { chargesForAccount } from './credential-charges.ts';

const NOW = Date.UTC(2026, 0, 1);
const REQUEST = { hits: 1, route: undefined, now: NOW };

function makePlan(limit: UntrustedPlanLimitSpec): Plan {
  const limits = readCountedLimits([{ name: 'burst', requests: 5, window: '60s', ...limit }]);
  return { id: 'team', limits, features: [] };
}

function supersede(window: string, age: number, per = 'key'): SupersededLimitSpec {
  const limit = { name: 'burst', requests: 5, window, algorithm: 'sliding_window', per };
  return { limit, supersedeTime: NOW - age };
}

/** The counters that a request on an account is charged, and whether each is of a limit from before. */
function listCharges(plan: Plan, supersededPlanLimits: readonly SupersededLimitSpec[], now = NOW) {
  const charges = chargesForAccount({ id: 'a', supersededPlanLimits }, plan, { ...REQUEST, now });
  return charges.map(({ limit, isSuperseded }) => [limit.identity, isSuperseded ?? false]);
}

describe('the charges of an account with limits of former plans', () => {
  it('count each counter once', () => {
    const plan = makePlan({ per: 'account' });
    // To an account, limits per key and per account are the same. To its keys, they are not.
    const superseded = [supersede('60s', 0), supersede('120s', 1), supersede('120s', 2, 'account')];
    const heldLimits = findHeldLimits([supersede('180s', 0)], plan.limits, NOW);
    expect(listCharges({ ...plan, heldLimits }, [...superseded, supersede('180s', 0)])).toEqual([
      ['burst/s60', false],
      ['burst/s180', true],
      ['burst/s120', true],
    ]);
  });

  it('end with the last hit of the former limit', () => {
    const superseded = [supersede('120s', 0)];
    const plan = makePlan({ window: '600s' });
    expect(listCharges(plan, superseded)).toHaveLength(2);
    expect(listCharges(plan, superseded, NOW + 127_499)).toHaveLength(2);
    expect(listCharges(plan, superseded, NOW + 127_500)).toHaveLength(1);
  });

  it('are those of the changed plan at once', () => {
    const superseded = [supersede('120s', 0)];
    expect(listCharges(makePlan({ window: '600s' }), superseded)).toHaveLength(2);
    expect(listCharges(makePlan({ name: 'other', window: '600s' }), superseded)).toHaveLength(1);
    expect(listCharges(makePlan({ window: '300s' }), superseded)).toHaveLength(2);
  });
});
