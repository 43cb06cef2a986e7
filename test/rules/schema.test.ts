import { readdirSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseRules } from '../../src/rules/parse/parse-rules.ts';
import { CONFIGURATIONS } from '../app/rate-limit/envoyproxy/configurations.ts';
import { BROKEN_RULES } from './broken-rules.ts';

const schema = JSON.parse(readFileSync('docs/rules.schema.json', 'utf8'));
const validate = new Ajv({ strict: true, allowUnionTypes: true, strictRequired: false, strictTypes: false }).compile(
  schema,
);

/** undefined: it is no YAML that could be held against a schema. */
function valuesOf(text: string): unknown {
  try {
    return parse(text, { logLevel: 'error' });
  } catch {
    return undefined;
  }
}

/** Faults that a schema cannot tell: of several fields, of several descriptors, of names, or of how it is written. */
const BEYOND_A_SCHEMA: readonly string[] = [
  'another way to match at the edge',
  'wildcards without end where the most specific rule is found',
  'a descriptor twice',
  'a value twice',
  'a wildcard twice',
  'an empty value beside none',
  'a number twice, once as a text',
  'slots in shadow mode',
  'quota_mode beside concurrency',
  'quota_mode beside settle',
  'quota_mode at the edge',
  'detailed_metric at the edge',
  'settle at the edge',
  'metadata without an end',
  'metadata that is nested too deep',
  'metadata that is too long',
  'a candidate by the name of a limit',
  'a candidate of slots',
  'a multiplier beyond ten years',
  'a window beyond ten years',
  'a month that slides',
  'a burst that slides',
  'a burst beyond its window',
  'five minutes of the calendar',
  'an unknown time zone',
  'an anchor day of a week',
  'slots held for a week',
  'two limits of one name',
  'a limit that replaces itself',
  'a limit that replaces a window',
  'an alias for a value',
  'an unknown tag',
  'a tag of another language',
  'YAML 3',
  'a NUL',
  'an escape character',
];

/** Examples of the pages that are whole files. */
function examples(): readonly string[] {
  const pages = [
    'README.md',
    ...readdirSync('docs')
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];
  return pages.flatMap((page) =>
    [...readFileSync(page, 'utf8').matchAll(/```yaml\n([^`]*)```/g)]
      .map(([, text]) => text ?? '')
      .filter((text) => /^domain:/m.test(text)),
  );
}

describe('the JSON Schema of rules files', () => {
  it('refuses what the parser refuses, as far as a schema can', () => {
    const accepted = BROKEN_RULES.filter(([, text]) => valuesOf(text) !== undefined && validate(valuesOf(text)));
    expect(accepted.map(([fault]) => fault)).toEqual(BEYOND_A_SCHEMA);
  });

  it('accepts what the parser accepts', () => {
    const good = [...CONFIGURATIONS.map(({ text }) => text), ...examples()];
    expect(good.length).toBeGreaterThan(CONFIGURATIONS.length + 2);
    for (const text of good) {
      expect('root' in parseRules('f.yaml', text)).toBe(true);
      validate(valuesOf(text));
      expect(validate.errors, text).toBeNull();
    }
  });

  it.each([
    ['properties', 'domain: a\nqqq: 1\n'],
    ['definitions.descriptor.properties', 'domain: a\ndescriptors: [{key: k, qqq: 1}]\n'],
    [
      'definitions.limitByWindow.properties',
      'domain: a\ndescriptors: [{key: k, rate_limit: {requests: 1, window: 1s, qqq: 1}}]\n',
    ],
    [
      'definitions.limitByUnit.properties',
      'domain: a\ndescriptors: [{key: k, rate_limit: {unit: day, requests_per_unit: 1, qqq: 1}}]\n',
    ],
    ['definitions.unlimited.properties', 'domain: a\ndescriptors: [{key: k, rate_limit: {unlimited: true, qqq: 1}}]\n'],
  ])('knows the same fields: %s', (place, text) => {
    const parsed = parseRules('f.yaml', text);
    const told = 'root' in parsed ? '' : (parsed[0]?.description.split('known are ')[1] ?? '');
    const described = place.split('.').reduce((value, step) => value[step], schema);
    expect(Object.keys(described).sort()).toEqual(told.split(', ').sort());
  });
});
