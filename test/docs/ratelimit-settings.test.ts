import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { UNHONORED_SETTINGS } from '../../src/config/ratelimit/unhonored-settings.ts';

const page = readFileSync('docs/from-envoyproxy-ratelimit.md', 'utf8');

it('docs/from-envoyproxy-ratelimit.md names every variable that weir ratelimit honors or rejects', () => {
  const folder = 'src/config/ratelimit';
  const sources = readdirSync(folder).filter((name) => !name.endsWith('.test.ts'));
  const names = sources.flatMap((name) => {
    const text = readFileSync(path.join(folder, name), 'utf8');
    return [
      ...text.matchAll(/(?:text|read|flag|word|port|number|duration|file|fault|readName|readPairs)\('([A-Z_]+)'/g),
    ];
  });
  expect(names.length).toBeGreaterThan(50);
  const missing = names.map(([, name = '']) => name).filter((name) => !page.includes(`\`${name}`));
  expect(missing.filter((name) => !Object.hasOwn(UNHONORED_SETTINGS, name))).toEqual([]);
});
