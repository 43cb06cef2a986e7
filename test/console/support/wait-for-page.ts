import type { Page } from 'playwright-core';

/** Resolves once a page of the console has its title and everything that it loads. */
export async function waitForPage(page: Page): Promise<void> {
  await page.getByRole('main').getByRole('heading', { level: 1 }).waitFor();
  await page.waitForLoadState('networkidle');
  await page.getByText('Loading', { exact: true }).waitFor({ state: 'detached' });
}
