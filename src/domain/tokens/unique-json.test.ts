import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseUniqueJson } from './unique-json.ts';

it.each([
  '{"sub":"a","sub":"b"}',
  '{"sub":"a","s\\u0075b":"b"}',
  '{"a":{"b":1,"c":[{"d":1,"d":2}]}}',
  '{"a" : 1 , "b":2, "a"\n:3}',
  '{"__proto__":1,"__proto__":2}',
])('%s repeats a member name', (text) => expect(parseUniqueJson(text)).toEqual({ fault: 'duplicate_member' }));

it.each(['', 'null', '1', '"a"', '[]', '{', '{"a":1}x', '\ufeff{}'])('%j is not a JSON object', (text) =>
  expect(parseUniqueJson(text)).toEqual({ fault: 'not_json' }),
);

it.each(['{"a":{"a":{"a":1}}}', '{"a":"a","b":["a","a"]}', '{"a\\"":1,"a":"\\\\","b":"}{"}'])(
  '%s has unique member names',
  (text) => expect(parseUniqueJson(text)).toEqual({ object: JSON.parse(text) }),
);

it('parses everything that JSON.stringify writes, and finds a repeated member', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), fc.nat(), (value, which) => {
      const text = JSON.stringify(value);
      expect(parseUniqueJson(text)).toEqual({ object: JSON.parse(text) });
      const names = Object.keys(value);
      const repeated = `${text.slice(0, -1)},${JSON.stringify(names[which % names.length])}:0}`;
      expect(parseUniqueJson(repeated)).toEqual({ fault: 'duplicate_member' });
    }),
  );
});
