import type { Page } from 'playwright-core';

/** Runs in the page. Elements inside a scrolling one do not widen the document. */
const LIST_OVERFLOW = `(() => {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return [];
  const scrolls = (element) => element !== null && element !== document.body && element !== root &&
    (getComputedStyle(element).overflowX !== 'visible' || scrolls(element.parentElement));
  const wide = [...document.body.querySelectorAll('*')].filter((element) =>
    element.getBoundingClientRect().right > root.clientWidth + 1 && !scrolls(element.parentElement));
  return ['the document is ' + root.scrollWidth + ' px wide, the window ' + root.clientWidth + ' px',
    ...wide.map((element) => element.cloneNode(false).outerHTML)];
})()`;

/**
 * Returns an empty list if the document fits into the width of the window. Otherwise returns both widths and the elements
 * that are too wide.
 */
export function findOverflow(page: Page): Promise<readonly string[]> {
  return page.evaluate<readonly string[]>(LIST_OVERFLOW);
}
