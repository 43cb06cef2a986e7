import { randomUUID } from 'node:crypto';
import { describe, expect } from 'vitest';
import { Account } from '../../src/generated/weir/admin/v1/account.ts';
import { AccountServiceService, CreateAccountRequest } from '../../src/generated/weir/admin/v1/account_service.ts';
import { test as it, TEST_TIMEOUT_MS } from './support/fixtures.ts';
import { signIn } from './support/sign-in.ts';

const PASSWORD = 'a long enough password';

describe('the profile page', { timeout: TEST_TIMEOUT_MS }, () => {
  it('asks for the password for a new address only', async ({ visit, callAdmin }) => {
    const email = `${randomUUID()}@example.com`;
    const account = Account.fromPartial({ email, plan: 'plans/free' });
    await callAdmin(
      AccountServiceService.createAccount,
      CreateAccountRequest.fromPartial({ account, password: PASSWORD }),
    );
    const { page, problems } = await visit();
    await signIn(page, { email, password: PASSWORD });
    await page.goto('/console/profile');
    const form = page.locator('form').filter({ has: page.getByLabel('E-mail address') });
    const password = form.getByLabel('Current password');
    const save = form.getByRole('button', { name: 'Save' });

    await form.getByLabel('Name', { exact: true }).fill('Ada');
    expect(await password.count()).toBe(0);
    await save.click();
    await form.getByText('Saved.').waitFor();

    const changed = `${randomUUID()}@example.com`;
    await form.getByLabel('E-mail address').fill(changed);
    await password.fill('wrong');
    await save.click();
    await form.getByText('the password of the account is wrong').waitFor();
    problems.forgive(/^console error: .* 401 .*\/UpdateProfile/);
    await password.fill(PASSWORD);
    await save.click();
    await form.getByText('Saved.').waitFor();
    await expect.poll(() => password.count()).toBe(0);
    expect(await form.getByLabel('E-mail address').inputValue()).toBe(changed);
  });
});
