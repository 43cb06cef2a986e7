import { readdirSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseRules } from '../../src/rules/parse/parse-rules.ts';
import { CONFIGURATIONS } from '../app/rate-limit/envoyproxy/configurations.ts';
import { BROKEN_RULES } from './broken-rules/broken-rules.ts';

const schema = JSON.parse(readFileSync('docs/rules.schema.json', 'utf8'));
const validate = new Ajv({ strict: true, allowUnionTypes: true, strictRequired: false, strictTypes: false }).compile(
  schema,
);

/** undefined: the text is not YAML that a schema could check. */
function parseYaml(text: string): unknown {
  try {
    return parse(text, { logLevel: 'error' });
  } catch {
    return undefined;
  }
}

/**
 * Faults that a schema cannot see. They depend on several fields or descriptors, on names, or on how values are
 * written.
 */
const INVISIBLE_TO_A_SCHEMA: readonly string[] = [
  'an alias as value',
  'an unknown tag',
  'a tag of another language',
  'an unsupported YAML version',
  'a NUL character',
  'an ESC character',
  'match in the domain edge',
  'too many overlapping wildcards with most_specific',
  'the same key twice',
  'the same value twice',
  'the same wildcard twice',
  'an empty value next to a descriptor without a value',
  'the same value as a number and as a string',
  'a long value twice',
  'a network with bits beyond its prefix',
  'a network with a prefix that is too long',
  'a concurrency limit in shadow mode',
  'a concurrency limit in quota mode',
  'a limit with settle in quota mode',
  'quota_mode in the domain edge',
  'detailed_metric in the domain edge',
  'settle in the domain edge',
  'credits in the domain edge',
  'shadow_mode in the domain admin',
  'settle in the domain admin',
  'concurrency in the domain admin',
  'an infinite number in metadata',
  'metadata nested too deep',
  'metadata of more than 4 KB',
  'a candidate with the name of a limit',
  'a candidate with the algorithm concurrency',
  'a candidate with settle',
  'a candidate with replaces',
  'a unit_multiplier that makes more than ten years',
  'a calendar limit of two years',
  'a calendar limit of a minute',
  'a window of more than ten years',
  'a sliding window of a month',
  'a burst of a sliding window',
  'a burst that is too large for its window',
  'a calendar window of five minutes',
  'an unknown time zone',
  'an anchor_day of a week',
  'a concurrency window of a week',
  'two limits with the same name',
  'a limit that replaces itself',
  'a limit that replaces the name of a window',
];

/** The YAML examples in the docs that are whole files. */
function docExamples(): readonly string[] {
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
  it('rejects all that the parser rejects, as far as a schema can', () => {
    const accepted = BROKEN_RULES.filter(([, text]) => parseYaml(text) !== undefined && validate(parseYaml(text)));
    expect(accepted.map(([name]) => name)).toEqual(INVISIBLE_TO_A_SCHEMA);
  });

  it('accepts what the parser accepts', () => {
    const valid = [...CONFIGURATIONS.map(({ text }) => text), ...docExamples()];
    expect(valid.length).toBeGreaterThan(CONFIGURATIONS.length + 2);
    for (const text of valid) {
      expect('root' in parseRules('f.yaml', text)).toBe(true);
      validate(parseYaml(text));
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
  ])('has the same fields as the parser in %s', (schemaPath, text) => {
    const parsed = parseRules('f.yaml', text);
    const fields = 'root' in parsed ? '' : (parsed[0]?.description.split('known fields are ')[1] ?? '');
    const described = schemaPath.split('.').reduce((value, step) => value[step], schema);
    expect(Object.keys(described).sort()).toEqual(fields.split(', ').sort());
  });
});
