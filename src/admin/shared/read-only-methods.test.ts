import { expect, it } from 'vitest';
import { READ_ONLY_METHODS } from './read-only-methods.ts';

it('marks exactly the methods that read as read-only', () => {
  expect([...READ_ONLY_METHODS].sort()).toEqual([
    '/weir.admin.v1.ApiKeyService/GetApiKey',
    '/weir.admin.v1.ApiKeyService/ListApiKeys',
    '/weir.admin.v1.CounterService/GetCounter',
    '/weir.admin.v1.ExplainService/Explain',
    '/weir.admin.v1.IssuerService/GetIssuer',
    '/weir.admin.v1.IssuerService/ListIssuers',
    '/weir.admin.v1.PlanService/GetPlan',
    '/weir.admin.v1.PlanService/ListPlans',
    '/weir.admin.v1.SigningKeyService/ListSigningKeys',
    '/weir.admin.v1.TokenInfoService/GetTokenInfo',
  ]);
});
