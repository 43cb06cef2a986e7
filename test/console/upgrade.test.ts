import type { Locator, Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { test as it, TEST_TIMEOUT_MS } from './support/fixtures.ts';

const AUDIT_SCRIPT = '**/console/assets/audit-page-*.js';
/** Chromium reports the missing file, and the import that has failed as an uncaught error without a text. */
const MISSING_FILE = /^console error: .* 404 .*\/audit-page-|^uncaught $/;

/** Opens the console, and returns the link to a page whose file is loaded only then. */
async function openConsole(page: Page): Promise<Locator> {
  await page.goto('/console/');
  const link = page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Audit', exact: true });
  await link.waitFor();
  return link;
}

describe('a console that was opened before an upgrade of the server', { timeout: TEST_TIMEOUT_MS }, () => {
  it('is loaded again, once, when it asks for a file that is gone', async ({ visit, session }) => {
    const { page, problems } = await visit({ storageState: session });
    const link = await openConsole(page);
    let reloads = 0;
    page.on('request', (request) => {
      if (request.isNavigationRequest()) reloads += 1;
    });
    // After the reload, the page is that of the upgraded server.
    await page.route(AUDIT_SCRIPT, (route) => (reloads === 0 ? route.fulfill({ status: 404 }) : route.continue()));
    await link.click();
    await page.getByRole('heading', { level: 1, name: 'Audit' }).waitFor();
    expect(reloads).toBe(1);
    problems.forgive(MISSING_FILE);
  });

  it('is not loaded again and again if the file stays away', async ({ visit, session }) => {
    const { page, problems } = await visit({ storageState: session });
    const link = await openConsole(page);
    let [reloads, requests] = [0, 0];
    page.on('request', (request) => {
      if (request.isNavigationRequest()) reloads += 1;
    });
    await page.route(AUDIT_SCRIPT, (route) => {
      requests += 1;
      return route.fulfill({ status: 404 });
    });
    await link.click();
    await expect.poll(() => requests, { timeout: 30_000 }).toBeGreaterThanOrEqual(2);
    await page.waitForTimeout(2_000);
    expect(reloads).toBe(1);
    problems.forgive(MISSING_FILE);
  });
});
