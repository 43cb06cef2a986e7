import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { SECRET_VARIABLES, VARIABLE_NAMES } from '../../src/config/variables.ts';
import { proseLines, tableCodes } from './markdown.ts';

const page = readFileSync('docs/configuration.md', 'utf8');
const example = readFileSync('.env.example', 'utf8');

/** Read by commands, not by the service. */
const COMMAND_VARIABLES = ['WEIR_ACCESS_TOKEN'];
const sorted = (names: Iterable<string>) => [...names].sort();

describe('docs/configuration.md', () => {
  it('lists exactly the variables that the configuration reads', () => {
    expect(sorted(tableCodes(page, /^[A-Z][A-Z_]+$/, 0))).toEqual(sorted([...VARIABLE_NAMES, ...COMMAND_VARIABLES]));
  });

  it('names exactly the variables that can be given as a file', () => {
    const sentence =
      proseLines(page)
        .join(' ')
        .match(/Secrets can be given as files: (.*?) each accept/)?.[1] ?? '';
    expect(sorted(sentence.match(/[A-Z][A-Z_]+/g) ?? [])).toEqual(sorted(SECRET_VARIABLES));
  });
});

describe('.env.example', () => {
  it('lists exactly the variables that the configuration reads', () => {
    const names = [...example.matchAll(/^#?([A-Z][A-Z_]+)=/gm)].map(([, name = '']) => name);
    expect(sorted(names)).toEqual(sorted([...VARIABLE_NAMES, ...COMMAND_VARIABLES]));
  });

  it('sets the defaults', () => {
    const lines = [...example.matchAll(/^#?([A-Z][A-Z_]+)=(.+)$/gm)];
    const given = Object.fromEntries(lines.map(([, name = '', value = '']) => [name, value]));
    expect(readConfig(given)).toEqual(readConfig({}));
  });
});
