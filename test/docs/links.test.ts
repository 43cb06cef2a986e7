import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { brokenLinks, codeBlocks, markdownPages } from './markdown.ts';

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));

describe('the documentation', () => {
  it.each(markdownPages())('has no relative link in %s that leads nowhere', (page) => {
    expect(brokenLinks(page)).toEqual([]);
  });

  it.each(markdownPages())('names only npm scripts in %s that exist', (page) => {
    const text = codeBlocks(readFileSync(page, 'utf8'), 'sh').join('\n');
    const named = [...text.matchAll(/^npm (?:run (?:--silent )?)?([a-z:-]+)/gm)].map(([, name = '']) => name);
    expect(named.filter((name) => name !== 'install' && name !== 'ci' && scripts[name] === undefined)).toEqual([]);
  });

  it.each(markdownPages())('names only source files in %s that exist', (page) => {
    const named = [...readFileSync(page, 'utf8').matchAll(/`((?:[a-z0-9-]+\/)+[a-z0-9-]+\.(?:ts|mjs|lua|json))`/g)];
    const folders = ['.', 'src', path.dirname(page)];
    const isMissing = (file: string) => !folders.some((folder) => existsSync(path.join(folder, file)));
    expect(named.map(([, file = '']) => file).filter(isMissing)).toEqual([]);
  });

  it('lists every page of docs/ in docs/README.md', () => {
    const index = readFileSync('docs/README.md', 'utf8');
    const pages = markdownPages().filter((page) => /^docs\/[^/]+\.md$/.test(page) && page !== 'docs/README.md');
    expect(pages.filter((page) => !index.includes(`(${page.slice('docs/'.length)})`))).toEqual([]);
  });

  it('keeps README.md within 150 lines', () => {
    expect(readFileSync('README.md', 'utf8').split('\n').length).toBeLessThanOrEqual(151);
  });
});
