import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseFilter } from './filter.ts';

const summarize = (text: string) => {
  const parsed = parseFilter(text);
  return 'fault' in parsed ? parsed.fault : parsed.map(({ field, operator, value }) => `${field} ${operator} ${value}`);
};

test.each([
  ['', []],
  ['  ', []],
  ['disabled = true', ['disabled = true']],
  ['disabled=true AND plan="plans/team"', ['disabled = true', 'plan = plans/team']],
  [`display_name : 'it''s'`, `must have AND at character 20 (got "s")`],
  [String.raw`display_name : "a \"quoted\" \\ text"`, [String.raw`display_name : a "quoted" \ text`]],
  ['expire_time<="2026-01-01T00:00:00Z"', ['expire_time <= 2026-01-01T00:00:00Z']],
  ['a != b AND c>=d', ['a != b', 'c >= d']],
  ['plan = AND', ['plan = AND']],
])('parses %j', (text, restrictions) => {
  expect(summarize(text)).toEqual(restrictions);
});

test.each([
  ['plan', 'must have one of = != < <= > >= : at its end (got nothing)'],
  ['plan =', 'must have a value at its end (got nothing)'],
  ['plan = "team', 'must have a closing " for the text that begins at character 8'],
  ["plan = 'team\\'", "must have a closing ' for the text that begins at character 8"],
  ['a = 1 b = 2', 'must have AND at character 7 (got "b")'],
  ['a = 1 OR b = 2', 'must have AND at character 7 (got "OR")'],
  ['a = 1 AND', 'must have a field name at its end (got nothing)'],
  ['NOT a = 1', 'must have a field name at character 1 (got "NOT")'],
  ['(a = 1)', 'must have a field name at character 1 (got "…")'],
  ['a.b = 1', 'must have a field name at character 1 (got "a.b")'],
  ['"a" = 1', 'must have a field name at character 1 (got "a")'],
  ['a ! b', 'must have one of = != < <= > >= : at character 3 (got "…")'],
  ['t < 2026-01-01T00:00', 'must have AND at character 18 (got "…")'],
  [Array.from({ length: 17 }, () => 'a=1').join(' AND '), 'must have at most 16 conditions'],
  ['x'.repeat(2_001), 'must be at most 2000 characters (got 2001)'],
])('rejects %j and says where', (text, fault) => {
  expect(summarize(text)).toBe(fault);
});

const textWithoutNul = fc.string({ unit: 'binary', maxLength: 100 }).map((text) => text.replaceAll('\0', '0'));

test('accepts any text, and reads a quoted value exactly as it was quoted', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => void parseFilter(text)));
  fc.assert(
    fc.property(textWithoutNul, (value) => {
      const quoted = value.replace(/["\\]/g, String.raw`\$&`);
      expect(summarize(`a = "${quoted}"`)).toEqual([`a = ${value}`]);
    }),
  );
});
