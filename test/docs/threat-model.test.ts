import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { listAttackTests, readAttacks } from './attack-tests.ts';

const page = readFileSync('docs/threat-model.md', 'utf8');

it('docs/threat-model.md links each attack to test files that exist', () => {
  const isTest = (file: string) => file.endsWith('.test.ts') && existsSync(file);
  const untested = readAttacks(page).filter(({ tests }) => tests.length === 0 || !tests.every(isTest));
  expect(readAttacks(page).length).toBeGreaterThan(0);
  expect(untested).toEqual([]);
});

it.each(['test/attacks', 'test/http2/attacks'])('docs/threat-model.md names every test in %s', (folder) => {
  const files = readdirSync(folder).filter((file) => file.endsWith('.test.ts'));
  const named = new Set(listAttackTests(page));
  expect(files.map((file) => path.join(folder, file)).filter((file) => !named.has(file))).toEqual([]);
});
