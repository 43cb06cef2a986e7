import { gzipSync } from 'node:zlib';
import type { Response } from 'playwright-core';
import { describe, expect } from 'vitest';
import { test as it, TEST_TIMEOUT_MS } from './support/fixtures.ts';
import { waitForPage } from './support/wait-for-page.ts';

const MAX_SCRIPT_BYTES = 80 * 1024;

describe('the first load of the console', { timeout: TEST_TIMEOUT_MS }, () => {
  it('has at most 80 KB of compressed JavaScript', async ({ visit, session }) => {
    const { page } = await visit({ storageState: session });
    const scripts: Response[] = [];
    page.on('response', (response) => {
      if (response.request().resourceType() === 'script') scripts.push(response);
    });
    await page.goto('/console/');
    await waitForPage(page);
    expect(scripts.length).toBeGreaterThan(0);
    let bytes = 0;
    for (const script of scripts) {
      expect(await script.headerValue('content-encoding'), script.url()).toMatch(/^(?:br|gzip|zstd)$/);
      bytes += gzipSync(await script.body()).length;
    }
    expect(bytes).toBeLessThanOrEqual(MAX_SCRIPT_BYTES);
  });
});
