import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { ADMINISTRATOR } from '../support/node.ts';
import { test as it, TEST_TIMEOUT_MS } from './support/fixtures.ts';
import { signIn, submitSignIn } from './support/sign-in.ts';

const overview = (page: Page) => page.getByRole('heading', { level: 1, name: 'Overview' });
/** Chromium reports the first call after another browser has ended the session, a poll or that of a page that loads. */
const SESSION_ENDED = /^console error: .* 401 .*\/console\/api\//;

const signInTitle = (page: Page) => page.getByRole('heading', { level: 1, name: 'Sign in to Weir' });

/**
 * Whether the focused element shows that it is: by an outline or a shadow. After the last element, Tab leaves the page, and
 * none has the focus.
 */
const HAS_VISIBLE_FOCUS = `(() => {
  if (document.activeElement === document.body) return true;
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(document.activeElement);
  return (outlineStyle !== 'none' && parseFloat(outlineWidth) > 0) || boxShadow !== 'none';
})()`;

describe('signing in to the console', { timeout: TEST_TIMEOUT_MS }, () => {
  it('fails with an error for a wrong password, and opens the overview for the right one', async ({ visit }) => {
    const { page, problems } = await visit();
    await page.goto('/console/');
    await submitSignIn(page, { ...ADMINISTRATOR, password: 'another password' });
    await page.getByRole('alert').getByText('the credentials are invalid').waitFor();
    expect(await signInTitle(page).isVisible()).toBe(true);
    problems.forgive(/^console error: .* 401 .*\/console\/session/);
    await submitSignIn(page, ADMINISTRATOR);
    await overview(page).waitFor();
  });

  it('lasts when the page is loaded again', async ({ visit }) => {
    const { page } = await visit();
    await signIn(page, ADMINISTRATOR);
    await page.reload();
    await overview(page).waitFor();
    expect(await signInTitle(page).isVisible()).toBe(false);
  });

  it('ends with signing out, also for a copy of the cookie', async ({ visit }) => {
    const { page, problems } = await visit();
    await signIn(page, ADMINISTRATOR);
    const cookies = await page.context().cookies();
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await signInTitle(page).waitFor();
    expect(await page.context().cookies()).toEqual([]);
    await page.context().addCookies(cookies);
    await page.reload();
    await signInTitle(page).waitFor();
    problems.forgive(SESSION_ENDED);
  });

  it('ends in all browsers with signing out everywhere', async ({ visit }) => {
    const [here, elsewhere] = [await visit(), await visit()];
    for (const { page } of [here, elsewhere]) {
      await signIn(page, ADMINISTRATOR);
    }
    await here.page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await signInTitle(here.page).waitFor();
    await elsewhere.page.reload();
    await signInTitle(elsewhere.page).waitFor();
    elsewhere.problems.forgive(SESSION_ENDED);
  });

  it('works with the keyboard alone, with a visible focus, and so do the navigation and signing out', async ({
    visit,
  }) => {
    const { page } = await visit();
    await page.goto('/console/');
    await signInTitle(page).waitFor();
    /** Presses Tab until the element with this role and name has the focus. */
    const tabTo = async (role: 'textbox' | 'button' | 'link', name: string) => {
      const target = page.getByRole(role, { name, exact: true });
      for (let presses = 0; presses < 40; presses++) {
        await page.keyboard.press('Tab');
        expect(await page.evaluate(HAS_VISIBLE_FOCUS)).toBe(true);
        if (await target.evaluate((element) => element === element.ownerDocument.activeElement)) return;
      }
      expect.unreachable(`Tab does not reach the ${role} "${name}"`);
    };
    await tabTo('textbox', 'E-mail address');
    await page.keyboard.type(ADMINISTRATOR.email);
    await tabTo('textbox', 'Password');
    await page.keyboard.type(ADMINISTRATOR.password);
    await page.keyboard.press('Enter');
    await overview(page).waitFor();
    await tabTo('link', 'Status');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Status' }).waitFor();
    expect(await page.getByRole('link', { name: 'Status', exact: true }).getAttribute('aria-current')).toBe('page');
    await page.goBack();
    await overview(page).waitFor();
    await tabTo('button', 'Sign out');
    await page.keyboard.press('Enter');
    await signInTitle(page).waitFor();
  });

  it('leaves the secrets of the session only in a cookie that no script reads', async ({ visit }) => {
    const { page } = await visit();
    const urls: string[] = [];
    const bodies: Promise<string>[] = [];
    page.on('request', (request) => urls.push(request.url()));
    page.on('response', (response) => {
      // The page is loaded again after the sign-in, and Chromium then forgets the body of its response.
      if (/console\/(api|session)/.test(response.url())) bodies.push(response.text().catch(() => ''));
    });
    await signIn(page, ADMINISTRATOR);
    await overview(page).waitFor();
    await page.waitForLoadState('networkidle');
    const cookies = await page.context().cookies();
    const name = `weir-${new URL(page.url()).port}`;
    expect(cookies).toMatchObject([{ name, httpOnly: true, sameSite: 'Strict', path: '/' }]);
    const stored = await page.evaluate<string>(
      'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href, history.state])',
    );
    const readable = [stored, ...urls, ...(await Promise.all(bodies))].join('\n');
    expect(urls.length).toBeGreaterThan(3);
    for (const secret of [ADMINISTRATOR.password, cookies[0]?.value ?? '', 'eyJ', 'accessToken', 'refreshToken']) {
      expect(readable).not.toContain(secret);
    }
  });
});
