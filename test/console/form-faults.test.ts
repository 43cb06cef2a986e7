import { describe, expect } from 'vitest';
import { test as it, TEST_TIMEOUT_MS } from './support/fixtures.ts';

describe('the faults of a form', { timeout: TEST_TIMEOUT_MS }, () => {
  it('are at their fields, and those of no field below the form, each once', async ({ visit, session }) => {
    const { page, problems } = await visit({ storageState: session });
    await page.goto('/console/plans');
    await page.getByRole('button', { name: 'Create a plan' }).click();
    const dialog = page.getByRole('dialog');
    const id = dialog.getByLabel('Id', { exact: true });
    await id.fill('Not an id');
    await dialog.getByRole('textbox', { name: 'Limit name' }).fill('daily');
    await dialog.getByRole('spinbutton', { name: 'Requests', exact: true }).fill('5');
    await dialog.getByLabel('Algorithm').selectOption('calendar');
    await dialog.getByLabel('Window').fill('1d');
    const more = dialog.getByText('More fields of this limit');
    const day = dialog.getByLabel('Month starts on day');
    await more.click();
    await day.fill('5');
    await dialog.getByLabel('Lease').check();
    await more.click();
    expect(await day.isVisible()).toBe(false);
    await dialog.getByRole('button', { name: 'Create plan' }).click();

    const summary = dialog.getByRole('alert');
    await summary.getByText('plan.limits[0].lease').waitFor();
    expect(await summary.getByRole('listitem').count()).toBe(1);
    expect(await summary.textContent()).toContain('The marked fields have faults.');
    // A part of the page that is closed does not hide a fault.
    await day.waitFor();
    for (const field of [id, day]) {
      expect(await field.getAttribute('aria-invalid')).toBe('true');
      const hint = await field.getAttribute('aria-describedby');
      expect(await dialog.locator(`[id="${hint}"]`).textContent()).toMatch(/^must /);
    }
    expect(await dialog.getByText('must be left out unless the window is 1mo').count()).toBe(1);
    problems.forgive(/^console error: .* 400 .*\/CreatePlan/);
  });
});
