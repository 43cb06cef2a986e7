import { describe, expect, it } from 'vitest';
import { writeAuditFilter } from './audit-filter.ts';

const NONE = { result: '', resource: '', actor: '', method: '', since: '' };

describe('writeAuditFilter', () => {
  it('is empty without filters', () => {
    expect(writeAuditFilter(NONE)).toBe('');
  });

  it('joins conditions, and completes the name of a method', () => {
    const filters = { ...NONE, result: 'refused', resource: 'plans/pro', method: 'PlanService/UpdatePlan' };
    expect(writeAuditFilter(filters)).toBe(
      'result != OK AND resource = "plans/pro" AND method = "weir.admin.v1.PlanService/UpdatePlan"',
    );
    expect(writeAuditFilter({ ...NONE, method: 'UPDATE' })).toBe('method = "UPDATE"');
  });

  it('begins at midnight of a day where the viewer is', () => {
    const midnight = new Date('2026-11-30T00:00').toISOString();
    expect(writeAuditFilter({ ...NONE, since: '2026-11-30' })).toBe(`create_time >= "${midnight}"`);
  });
});
