import { describe, expect } from 'vitest';
import { GetPlanRequest, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { test as it } from '../../support/fixtures.ts';

describe('the metrics of the admin API', () => {
  it('count calls by method and code, and their durations by method', async ({ node, administrator, metrics }) => {
    const getPlan = (name: string) =>
      node.admin.call(PlanServiceService.getPlan, GetPlanRequest.fromPartial({ name }), administrator);
    await getPlan('plans/free');
    await getPlan('plans/pro');
    await expect(getPlan('plans/unknown')).rejects.toThrow();
    const text = await metrics();
    expect(text).toContain('weir_admin_calls_total{method="PlanService/GetPlan",code="OK"} 2\n');
    expect(text).toContain('weir_admin_calls_total{method="PlanService/GetPlan",code="NOT_FOUND"} 1\n');
    expect(text).toContain('weir_admin_call_seconds_count{method="PlanService/GetPlan"} 3\n');
  });

  it('say how many connections to Postgres are open', async ({ node, administrator, metrics }) => {
    const request = GetPlanRequest.fromPartial({ name: 'plans/free' });
    await node.admin.call(PlanServiceService.getPlan, request, administrator);
    expect(await metrics()).toMatch(/^weir_database_connections\{state="idle"\} [1-9]/m);
  });
});
