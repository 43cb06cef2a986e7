import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { AccountServiceService, CreateAccountRequest } from '../../src/generated/weir/admin/v1/account_service.ts';
import { findAccessibilityFaults } from './support/find-accessibility-faults.ts';
import { findOverflow } from './support/find-overflow.ts';
import { test as it, TEST_TIMEOUT_MS, type Visit } from './support/fixtures.ts';
import { signIn } from './support/sign-in.ts';
import { waitForPage } from './support/wait-for-page.ts';

const THEMES = ['light', 'dark'] as const;
const WIDTHS = [1280, 360] as const;

/** Lists what is wrong with the page that the browser shows, in both themes. */
async function findFaults(page: Page): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const colorScheme of THEMES) {
    await page.emulateMedia({ colorScheme });
    const where = `${new URL(page.url()).pathname}, ${colorScheme}, ${page.viewportSize()?.width} px`;
    const found = [...(await findOverflow(page)), ...(await findAccessibilityFaults(page))];
    faults.push(...found.map((fault) => `${where}: ${fault}`));
  }
  return faults;
}

/** Opens each page of the navigation at each width. Lists their titles, and what is wrong with them in both themes. */
async function findFaultsOfPages({ page, problems }: Visit) {
  await page.goto('/console/');
  await waitForPage(page);
  const links = await page.getByRole('navigation', { name: 'Pages' }).getByRole('link').all();
  const titles = await Promise.all(links.map(async (link) => (await link.textContent()) ?? ''));
  const paths = await Promise.all(links.map(async (link) => (await link.getAttribute('href')) ?? ''));
  const faults: string[] = [];
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 800 });
    for (const path of paths) {
      await page.goto(path);
      await waitForPage(page);
      faults.push(...(await findFaults(page)), ...problems.found.map((problem) => `${path}: ${problem}`));
    }
  }
  return { titles, faults };
}

describe('pages of the console, in both themes, 1,280 and 360 px wide', { timeout: TEST_TIMEOUT_MS }, () => {
  it('have no faults before the sign-in', async ({ visit }) => {
    for (const width of WIDTHS) {
      const { page } = await visit({ viewport: { width, height: 800 } });
      await page.goto('/console/');
      await waitForPage(page);
      expect(await findFaults(page)).toEqual([]);
    }
  });

  it('have no faults for an administrator', async ({ visit, session }) => {
    const { titles, faults } = await findFaultsOfPages(await visit({ storageState: session }));
    expect(titles).toEqual(expect.arrayContaining(['Overview', 'Status']));
    expect(faults).toEqual([]);
  }, 300_000);

  it('have no faults for a customer', async ({ visit, callAdmin }) => {
    const [email, password] = [`${randomUUID()}@example.com`, 'a long enough password'];
    const account = { email, role: 'user', plan: 'plans/free' };
    const creation = CreateAccountRequest.fromPartial({ account, password });
    await callAdmin(AccountServiceService.createAccount, creation);
    const customer = await visit();
    await signIn(customer.page, { email, password });
    const { titles, faults } = await findFaultsOfPages(customer);
    expect(titles).not.toContain('Overview');
    expect(faults).toEqual([]);
  }, 300_000);

  it('say so at a path that no page has', async ({ visit, session }) => {
    const { page } = await visit({ storageState: session });
    await page.goto('/console/no-such-page');
    await waitForPage(page);
    expect(await findFaults(page)).toEqual([]);
  });
});
