import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { openCookie, sealCookie } from '../http/console/console-client.ts';
import { ADMINISTRATOR } from '../support/node.ts';
import { TEST_TIMEOUT_MS, test } from './support/fixtures.ts';

const HOUR_MS = 3_600_000;
const WAIT = { timeout: 30_000 };

const it = test.extend('context', async ({ browser }, { onCleanup }) => {
  const context = await browser.newContext();
  onCleanup(() => context.close());
  return context;
});

const signOutButton = (page: Page) => page.getByRole('button', { name: 'Sign out', exact: true });
const signInButton = (page: Page) => page.getByRole('button', { name: 'Sign in' });

async function signIn(page: Page): Promise<void> {
  await page.getByLabel('E-mail address').fill(ADMINISTRATOR.email);
  await page.getByLabel('Password').fill(ADMINISTRATOR.password);
  await signInButton(page).click();
  await signOutButton(page).waitFor(WAIT);
}

describe('a tab of the console', { timeout: TEST_TIMEOUT_MS }, () => {
  it('follows when somebody signs in or out in another tab', async ({ node, context }) => {
    const [first, second] = [await context.newPage(), await context.newPage()];
    for (const page of [first, second]) {
      await page.goto(`http://localhost:${node.app.ports.http}/console/`);
      await signInButton(page).waitFor(WAIT);
    }
    await signIn(first);
    await signOutButton(second).waitFor(WAIT);
    await signOutButton(second).click();
    await signInButton(first).waitFor(WAIT);
  });

  it('shows nothing any more within a minute after its session has ended, also if it makes no call', async ({
    node,
    context,
  }) => {
    const page = await context.newPage();
    await page.clock.install();
    await page.goto(`http://localhost:${node.app.ports.http}/console/accounts`);
    await signIn(page);
    await page.waitForLoadState('networkidle'); // a call that is still to come would notice the end
    const [cookie] = await context.cookies();
    if (cookie === undefined) throw new Error('the browser must have a cookie');
    const session = { ...openCookie(`${cookie.name}=${cookie.value}`), usedAtMs: Date.now() - HOUR_MS };
    const value = sealCookie(cookie.name, session).slice(cookie.name.length + 1);
    await context.addCookies([{ ...cookie, value }]);
    expect(await signInButton(page).count()).toBe(0);
    await page.clock.runFor(61_000);
    await signInButton(page).waitFor(WAIT);
  });
});
