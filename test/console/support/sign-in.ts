import type { Page } from 'playwright-core';

export interface Credentials {
  readonly email: string;
  readonly password: string;
}

/** Fills in the sign-in page, which the browser shows, and submits it. */
export async function submitSignIn(page: Page, { email, password }: Credentials): Promise<void> {
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Opens the console, signs in, and waits for the first page. */
export async function signIn(page: Page, credentials: Credentials): Promise<void> {
  await page.goto('/console/');
  await submitSignIn(page, credentials);
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
}
