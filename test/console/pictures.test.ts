import { mkdir, writeFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { sendOverHttp1 } from '../../demo/http-clients.ts';
import {
  AccountServiceService,
  BlockAccountRequest,
  CreateAccountRequest,
} from '../../src/generated/weir/admin/v1/account_service.ts';
import { ApiKeyServiceService, CreateApiKeyRequest } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { CreatePlanRequest, PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import { ADMINISTRATOR } from '../support/node.ts';
import { TEST_TIMEOUT_MS, test } from './support/fixtures.ts';
import { signIn } from './support/sign-in.ts';
import { waitForPage } from './support/wait-for-page.ts';

const FOLDER = 'docs/pictures';
const MAX_BYTES = 250_000;

const RULES = `
domain: shop
descriptors:
  - {key: path, value: /login, rate_limit: {unit: minute, requests_per_unit: 5}}
  - key: user
    rate_limit: {unit: hour, requests_per_unit: 1000}
`;

const PLANS = [
  { planId: 'starter', displayName: 'Starter', requests: 5, customers: ['Hanna Berg', 'Noor & Sons', 'Tilia Garden'] },
  { planId: 'team', displayName: 'Team', requests: 20, customers: ['Kestrel Maps', 'Orchard Labs'] },
] as const;
const REQUESTS = [
  '/v1/orders',
  '/v1/items',
  '/v1/orders/1042',
  '/v1/search',
  '/v1/items/7',
  '/v1/orders',
  '/v1/reports',
];

interface Picture {
  readonly path: string;
  /** Brings the page into the state that the picture shows. */
  readonly prepare?: (page: Page) => Promise<void>;
}

/** Pictures by the end of their file names. */
const PICTURES: Readonly<Record<string, Picture>> = {
  overview: { path: '/console/', prepare: (page) => page.getByRole('img', { name: 'Decisions per second' }).waitFor() },
  explain: {
    path: '/console/explain?q=shop%20path%3D%2Flogin',
    prepare: (page) => page.getByRole('region', { name: 'Explanation' }).waitFor(),
  },
  live: { path: '/console/live?show=all', prepare: (page) => page.getByRole('region', { name: 'Requests' }).waitFor() },
  account: { path: '/console/accounts/kestrel?tab=usage' },
  plan: { path: '/console/plans/team' },
  rules: { path: '/console/rules' },
  audit: { path: '/console/audit' },
};

const it = test
  .override('rules', RULES)
  /** Customers who have sent requests through an Envoy: some were refused, and one customer is blocked. */
  .extend('traffic', { scope: 'file' }, async ({ callAdmin, gateway }) => {
    for (const { planId, displayName, requests, customers } of PLANS) {
      const limits = [{ name: 'burst', requests, window: '60s' }];
      await callAdmin(
        PlanServiceService.createPlan,
        CreatePlanRequest.fromPartial({ planId, plan: { displayName, limits } }),
      );
      for (const customer of customers) {
        const email = `api@${customer.toLowerCase().replaceAll(/\W+/g, '-')}.example`;
        const account = { email, displayName: customer, role: 'user', plan: `plans/${planId}` };
        const accountId = customer.toLowerCase().replace(/ .*/, '');
        const { name } = await callAdmin(
          AccountServiceService.createAccount,
          CreateAccountRequest.fromPartial({ accountId, account }),
        );
        const apiKey = { displayName: 'production', account: name };
        const { secret } = await callAdmin(
          ApiKeyServiceService.createApiKey,
          CreateApiKeyRequest.fromPartial({ apiKey }),
        );
        for (const path of REQUESTS) await sendOverHttp1(gateway, { path, headers: [['x-api-key', secret]] });
        if (customer !== 'Tilia Garden') continue;
        await callAdmin(AccountServiceService.blockAccount, BlockAccountRequest.fromPartial({ name, duration: '24h' }));
      }
    }
  });

describe('npm run console:pictures', { timeout: TEST_TIMEOUT_MS }, () => {
  it('writes the pictures of docs/console.md', async ({ visit, traffic }) => {
    void traffic;
    await mkdir(FOLDER, { recursive: true });
    const { page } = await visit();
    await signIn(page, ADMINISTRATOR);
    for (const [name, { path, prepare }] of Object.entries(PICTURES)) {
      await page.goto(path);
      await waitForPage(page);
      await prepare?.(page);
      for (const colorScheme of name === 'overview' ? (['light', 'dark'] as const) : (['light'] as const)) {
        await page.emulateMedia({ colorScheme });
        const picture = await page.screenshot({ animations: 'disabled', caret: 'hide' });
        expect(picture.length, name).toBeLessThan(MAX_BYTES);
        await writeFile(`${FOLDER}/console-${name}-${colorScheme}.png`, picture);
      }
    }
  }, 300_000);
});
