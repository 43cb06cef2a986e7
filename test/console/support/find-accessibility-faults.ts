import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** A node that violates a rule. */
interface Fault {
  /** The rule of axe-core, such as `color-contrast`. */
  readonly rule: string;
  /** The requirement in words. */
  readonly help: string;
  readonly html: string;
  /** The reason in words, such as the contrast that was found and the one that is needed. */
  readonly reason: string;
}

/** Runs in the page. axe-core also tests best practices, such as landmarks; all of them apply. */
const RUN_AXE = `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
  violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary = '' }) => ({ rule: id, help, html, reason: failureSummary }))))`;

/** Tests the page with axe-core. Returns a readable line for each fault, and an empty list without faults. */
export async function findAccessibilityFaults(page: Page): Promise<readonly string[]> {
  // Evaluated by the debugger, to which the policy of the page does not apply.
  const isLoaded = await page.evaluate<boolean>('typeof axe !== "undefined"');
  if (!isLoaded) await page.evaluate(axe.source);
  const faults = await page.evaluate<readonly Fault[]>(RUN_AXE);
  return faults.map(({ rule, help, html, reason }) => `${rule}: ${help}: ${html}: ${reason.replaceAll(/\s+/g, ' ')}`);
}
