import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserContext } from 'playwright-core';
import { describe, expect } from 'vitest';
import { BrowserProblems } from './support/browser-problems.ts';
import { findAccessibilityFaults } from './support/find-accessibility-faults.ts';
import { findOverflow } from './support/find-overflow.ts';
import { TEST_TIMEOUT_MS, test } from './support/fixtures.ts';

/** A policy as strict as that of the console. */
const POLICY = "default-src 'self'; script-src 'self'";

const DOCUMENT = `<!doctype html><html lang="en"><head><title>A page</title></head>
<body><main><h1>A page</h1>CONTENT</main></body></html>`;

const it = test
  /** Serves a page with the content that the query names, and a script `/script.js` with the code that the query names. */
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of other fixtures from this pattern
  .extend('site', { scope: 'file' }, async ({}, { onCleanup }) => {
    const server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://127.0.0.1');
      const content = searchParams.get('content') ?? '';
      response.setHeader('content-security-policy', POLICY);
      if (pathname === '/script.js') response.setHeader('content-type', 'text/javascript').end(content);
      else if (pathname === '/')
        response.setHeader('content-type', 'text/html').end(DOCUMENT.replace('CONTENT', content));
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onCleanup(() => void server.close());
    const { port } = server.address() as AddressInfo; // a server that listens on TCP has such an address
    return `http://127.0.0.1:${port}`;
  })
  .extend('context', async ({ browser }, { onCleanup }) => {
    const context = await browser.newContext();
    onCleanup(() => context.close());
    return context;
  });

async function openPage(context: BrowserContext, site: string, content: string) {
  const problems = await BrowserProblems.collect(context, site);
  const page = await context.newPage();
  await page.goto(`${site}/?${new URLSearchParams({ content })}`);
  return { page, problems };
}

const runScript = (code: string) => `<script src="/script.js?${new URLSearchParams({ content: code })}"></script>`;

describe('the tests of the console', { timeout: TEST_TIMEOUT_MS }, () => {
  it.for([
    ['an error on the console', runScript('console.error("a fault")'), /^console error: a fault/],
    ['a warning on the console', runScript('console.warn("a doubt")'), /^console warning: a doubt/],
    ['an uncaught error', runScript('throw new Error("a fault")'), /^uncaught Error: a fault/],
    ['a rejection', runScript('Promise.reject(new Error("a fault"))'), /^uncaught Error: a fault/],
    ['a violation of the policy', '<script>1</script>', /^CSP: script-src-elem blocked inline/],
    ['a missing file', '<img alt="" src="/missing.png">', /^console error: .*404/],
    ['a server that does not answer', runScript('fetch("http://127.0.0.1:1/").catch(() => {})'), /127\.0\.0\.1:1/],
    [
      'a request to another origin',
      '<img alt="" src="http://localhost:1/">',
      /localhost:1\/: a request to another origin/,
    ],
  ] as const)('notice %s', async ([, content, expected], { context, site }) => {
    const { problems } = await openPage(context, site, content);
    await expect.poll(() => problems.found).toContainEqual(expect.stringMatching(expected));
    problems.forgive(expected);
    expect(() => problems.forgive(expected)).toThrow('must contain');
  });

  it('notice nothing on a page without faults', async ({ context, site }) => {
    const { page, problems } = await openPage(
      context,
      site,
      runScript('fetch("/").then((response) => response.text())'),
    );
    await page.waitForLoadState('networkidle');
    expect(problems.found).toEqual([]);
    expect(await findAccessibilityFaults(page)).toEqual([]);
    expect(await findOverflow(page)).toEqual([]);
  });

  it('notice a field without a label, in spite of the policy', async ({ context, site }) => {
    const { page, problems } = await openPage(context, site, '<input>');
    expect(await findAccessibilityFaults(page)).toEqual([expect.stringMatching(/^label: .*<input>/)]);
    expect(problems.found).toEqual([]);
  });

  it('notice an element that widens the document, and none that scrolls', async ({ context, site }) => {
    const wide = '<canvas width="2000" height="1" id="wide"></canvas>';
    const { page } = await openPage(context, site, wide);
    expect(await findOverflow(page)).toContainEqual(expect.stringContaining('id="wide"'));
    await page.locator('main').evaluate((main) => {
      main.style.overflowX = 'auto';
    });
    expect(await findOverflow(page)).toEqual([]);
  });
});
