import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ADMIN_KEYS, CALL_OUTCOMES } from '../../src/domain/rules/reserved-domains.ts';
import { DEFAULT_ADMIN_RULES } from '../../src/rules/default-admin-rules.ts';
import { codeBlocks, section, tableCodes } from './markdown.ts';

const page = readFileSync('docs/admin-limits.md', 'utf8');

it('docs/admin-limits.md shows the default rules', () => {
  expect(codeBlocks(page, 'yaml')).toEqual([DEFAULT_ADMIN_RULES.trimStart()]);
});

it('docs/admin-limits.md lists all entries and outcomes', () => {
  const tables = tableCodes(section(page, '## Rules of your own'), /^[a-z_]+$/, 0);
  expect([...tables]).toEqual(
    [...ADMIN_KEYS, 'outcome', ...CALL_OUTCOMES].filter((name, index, all) => all.indexOf(name) === index),
  );
});
