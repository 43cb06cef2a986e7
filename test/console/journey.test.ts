import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { sendOverHttp1 } from '../../demo/http-clients.ts';
import { ADMINISTRATOR } from '../support/node.ts';
import { test as it, TEST_TIMEOUT_MS } from './support/fixtures.ts';
import { signIn } from './support/sign-in.ts';

/** Requests that the plan of the customer admits in each minute. */
const REQUESTS = 2;
const CUSTOMER = { email: 'ada@acme.example', password: 'a long enough password' };

const openPage = async (page: Page, name: string) => {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
};

/** Creates a plan of two requests per minute. */
async function createPlan(page: Page): Promise<void> {
  await openPage(page, 'Plans');
  await page.getByRole('button', { name: 'Create a plan' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Id', { exact: true }).fill('two-a-minute');
  await dialog.getByRole('textbox', { name: 'Limit name' }).fill('burst');
  await dialog.getByRole('spinbutton', { name: 'Requests', exact: true }).fill(String(REQUESTS));
  await dialog.getByRole('button', { name: 'Create plan' }).click();
  await page.getByText(`${REQUESTS} per minute, sliding window`).first().waitFor();
}

/** Creates an account on the plan. Leaves its page open. */
async function createAccount(page: Page): Promise<void> {
  await openPage(page, 'Accounts');
  await page.getByRole('button', { name: 'Create account' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Account id').fill('acme');
  await dialog.getByLabel('Name', { exact: true }).fill('Acme');
  await dialog.getByLabel('E-mail address').fill(CUSTOMER.email);
  await dialog.getByLabel('Password').fill(CUSTOMER.password);
  await dialog.getByLabel('Plan').selectOption('plans/two-a-minute');
  await dialog.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('heading', { level: 1, name: 'Acme' }).waitFor();
  await page.getByRole('link', { name: 'two-a-minute' }).waitFor();
}

/** Creates a key of the account whose page is open. Returns its secret. */
async function createKey(page: Page): Promise<string> {
  await page.getByRole('link', { name: 'Keys', exact: true }).last().click();
  await page.getByRole('button', { name: 'Create a key' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name', { exact: true }).fill('production');
  await dialog.getByRole('button', { name: 'Create key' }).click();
  const secret = await dialog.getByRole('group', { name: 'Secret of the new key' }).locator('.secret').textContent();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await page.getByRole('region', { name: 'API keys' }).getByText('production').waitFor();
  expect(await page.content()).not.toContain(secret);
  return secret ?? '';
}

const countRows = (page: Page, region: string, text: string) =>
  page.getByRole('region', { name: region }).getByRole('row').filter({ hasText: text }).count();

describe('the console', { timeout: TEST_TIMEOUT_MS }, () => {
  it('takes an administrator from a plan to a refused request, its explanation, a block and its audit event', async ({
    visit,
    gateway,
  }) => {
    const { page } = await visit();
    await signIn(page, ADMINISTRATOR);
    await createPlan(page);
    await createAccount(page);
    const secret = await createKey(page);
    const send = async () =>
      (await sendOverHttp1(gateway, { path: '/orders?id=private', headers: [['x-api-key', secret]] })).status;
    // The node may learn of a new key a moment later.
    await expect.poll(send).toBe(200);
    // How many it admits is the subject of other tests: where Redis is late, this node may decide some of them alone.
    await expect.poll(send).toBe(429);

    await openPage(page, 'Live');
    await expect.poll(() => countRows(page, 'Requests', 'rate_limited')).toBe(1);
    expect(await page.getByRole('region', { name: 'Requests' }).textContent()).not.toContain('private');
    await page.getByLabel('Show').selectOption('All requests');
    await expect.poll(() => countRows(page, 'Requests', 'GET /orders')).toBeGreaterThan(REQUESTS);

    await page.getByRole('link', { name: 'acme', exact: true }).first().click();
    await page.getByRole('link', { name: 'Usage', exact: true }).click();
    await page.getByRole('region', { name: 'Usage by day' }).getByRole('row').nth(1).waitFor();

    await openPage(page, 'Explain');
    await page.getByLabel('Request', { exact: true }).fill(`curl -H 'x-api-key: ${secret}' ${gateway}/orders`);
    await page.getByRole('button', { name: 'Explain', exact: true }).click();
    const explanation = page.getByRole('region', { name: 'Explanation' });
    await explanation.getByText('Weir would refuse this request').waitFor();
    expect(await explanation.textContent()).toContain('plans/two-a-minute');
    expect(page.url()).not.toContain(secret);

    await explanation.getByRole('link', { name: 'accounts/acme' }).click();
    await page.getByRole('button', { name: 'Block', exact: true }).click();
    await page.getByRole('dialog').getByLabel('Reason').fill('scraping');
    await page.getByRole('dialog').getByRole('button', { name: 'Block account' }).click();
    await page.getByText('blocked', { exact: true }).waitFor();
    await expect.poll(send).toBe(403);
    await openPage(page, 'Audit');
    await page.getByLabel('Resource').fill('accounts/acme');
    await expect.poll(() => countRows(page, 'Audit events', 'AccountService/BlockAccount')).toBe(1);
  }, 240_000);

  it('shows customers their own account and nothing of others', async ({ visit }) => {
    const { page } = await visit();
    await signIn(page, CUSTOMER);
    await page.getByRole('region', { name: 'Limits now' }).getByText('burst').waitFor();
    const links = await page.getByRole('navigation', { name: 'Pages' }).getByRole('link').allTextContents();
    expect(links).toEqual(['Usage', 'Keys', 'Sessions', 'Profile']);
    await page.getByRole('link', { name: 'Keys', exact: true }).click();
    await page.getByRole('region', { name: 'API keys' }).getByText('production').waitFor();
    await page.goto('/console/audit');
    await page.getByRole('heading', { level: 1, name: 'No such page' }).waitFor();
    expect(await page.content()).not.toContain(ADMINISTRATOR.email);
  });
});
