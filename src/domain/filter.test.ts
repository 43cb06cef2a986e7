import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseFilter } from './filter.ts';

const plain = (text: string) => {
  const parsed = parseFilter(text);
  return 'fault' in parsed ? parsed.fault : parsed.map(({ field, operator, value }) => `${field} ${operator} ${value}`);
};

test.each([
  ['', []],
  ['  ', []],
  ['disabled = true', ['disabled = true']],
  ['disabled=true AND plan="plans/team"', ['disabled = true', 'plan = plans/team']],
  [`display_name : 'it''s'`, `must have AND at character 20, in place of "s"`],
  [String.raw`display_name : "a \"quoted\" \\ text"`, [String.raw`display_name : a "quoted" \ text`]],
  ['expire_time<="2026-01-01T00:00:00Z"', ['expire_time <= 2026-01-01T00:00:00Z']],
  ['a != b AND c>=d', ['a != b', 'c >= d']],
  ['plan = AND', ['plan = AND']],
])('%j is read', (text, restrictions) => {
  expect(plain(text)).toEqual(restrictions);
});

test.each([
  ['plan', 'must go on with one of = != < <= > >= : at its end'],
  ['plan =', 'must go on with a value at its end'],
  ['plan = "team', 'must have a value at character 8, in place of "…"'],
  ['a = 1 b = 2', 'must have AND at character 7, in place of "b"'],
  ['a = 1 OR b = 2', 'must have AND at character 7, in place of "OR"'],
  ['a = 1 AND', 'must go on with the name of a field at its end'],
  ['NOT a = 1', 'must have the name of a field at character 1, in place of "NOT"'],
  ['(a = 1)', 'must have the name of a field at character 1, in place of "…"'],
  ['a.b = 1', 'must have the name of a field at character 1, in place of "a.b"'],
  ['"a" = 1', 'must have the name of a field at character 1, in place of "a"'],
  ['a ! b', 'must have one of = != < <= > >= : at character 3, in place of "…"'],
  ['t < 2026-01-01T00:00', 'must have AND at character 18, in place of "…"'],
  [Array.from({ length: 17 }, () => 'a=1').join(' AND '), 'must be at most 16 conditions'],
  ['x'.repeat(2_001), 'must be at most 2000 characters'],
])('%j is refused, and told where', (text, fault) => {
  expect(plain(text)).toBe(fault);
});

test('no text is read without an end, and what is read in quotes is what was written', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => void parseFilter(text)));
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (value) => {
      const written = value.replace(/["\\]/g, String.raw`\$&`);
      expect(plain(`a = "${written}"`)).toEqual([`a = ${value}`]);
    }),
  );
});
