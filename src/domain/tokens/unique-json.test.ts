import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseUniqueJson } from './unique-json.ts';

it.each([
  '{"sub":"a","sub":"b"}',
  '{"sub":"a","s\\u0075b":"b"}',
  '{"a":{"b":1,"c":[{"d":1,"d":2}]}}',
  '{"a" : 1 , "b":2, "a"\n:3}',
  '{"__proto__":1,"__proto__":2}',
])('%s names a member twice', (text) => expect(parseUniqueJson(text)).toEqual({ fault: 'duplicate_member' }));

it.each(['', 'null', '1', '"a"', '[]', '{', '{"a":1}x', '\ufeff{}'])('%j is no JSON object', (text) =>
  expect(parseUniqueJson(text)).toEqual({ fault: 'not_json' }),
);

it.each(['{"a":{"a":{"a":1}}}', '{"a":"a","b":["a","a"]}', '{"a\\"":1,"a":"\\\\","b":"}{"}'])(
  '%s names each member once',
  (text) => expect(parseUniqueJson(text)).toEqual({ members: JSON.parse(text) }),
);

it('reads whatever JSON.stringify writes, and finds a member that is written once more', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), fc.nat(), (value, which) => {
      const text = JSON.stringify(value);
      expect(parseUniqueJson(text)).toEqual({ members: JSON.parse(text) });
      const names = Object.keys(value);
      const again = `${text.slice(0, -1)},${JSON.stringify(names[which % names.length])}:0}`;
      expect(parseUniqueJson(again)).toEqual({ fault: 'duplicate_member' });
    }),
  );
});
