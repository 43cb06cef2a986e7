import { describe, expect, it } from 'vitest';
import { describePlanEdit } from './describe-plan-edit.ts';
import { toPlan, toPlanForm } from './plan-form.ts';

const PLAN = {
  displayName: 'Business',
  limits: [
    { name: 'minute', requests: 60, window: '60s', algorithm: 'sliding_window', onStoreFailure: 'local' },
    { name: 'day', requests: 1000, window: '86400s', algorithm: 'calendar', per: 'account' },
  ],
  features: ['export', 'search'],
  maxApiKeys: 5,
};

describe('describePlanEdit', () => {
  it('finds nothing in a plan that only passed through its form', () => {
    expect(describePlanEdit(PLAN, toPlan(toPlanForm(PLAN)))).toEqual([]);
  });

  it('describes what each limit allowed and would allow', () => {
    const limits = [
      { ...PLAN.limits[0], requests: 100 },
      { name: 'month', requests: 9, window: '1mo' },
    ];
    expect(describePlanEdit(PLAN, { ...PLAN, limits })).toEqual([
      'Limit minute: 60 per minute, sliding window → 100 per minute, sliding window',
      'New limit month: 9 per month',
      'Without limit day: 1,000 per day, calendar, shared by the account',
    ]);
  });

  it('describes the other fields', () => {
    const after = { ...PLAN, displayName: '', features: ['search', 'beta'], maxApiKeys: 0, maxDevices: 3 };
    expect(describePlanEdit(PLAN, after)).toEqual([
      'Name: Business → none',
      'New feature: beta',
      'Without feature: export',
      'API keys of an account: 5 → any number',
      'Devices of an account: any number → 3',
    ]);
  });
});
